//! What a model reads: token ids, or numbers that become rows of the embedding.

use super::{Architecture, FramePositions, Frames};
use crate::batch::{Features, Sequence};
use crate::error::{Error, Result};

/// What the embedding turns into rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Source {
    /// Token ids: each takes a row of a table.
    #[default]
    Tokens,
    /// The patches of an image: a linear layer turns the values of a patch into a row (Dosovitskiy et al.
    /// 2021).
    Patches(Patches),
    /// The frames of a sound.
    Frames(Frames),
}

/// The patches of an image, in the order of reading: row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct Patches {
    /// The channels of the image.
    pub channels: usize,
    /// Height and width of a patch, in pixels.
    pub size: [usize; 2],
    /// Whether the linear layer has a bias.
    pub bias: bool,
    /// The rows of each table of learned rows. These rows stand before those of the patches: class token,
    /// registers.
    pub prefix: Vec<usize>,
    /// Learned positions.
    pub positions: Option<GridPositions>,
}

/// A learned position for each cell of a grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridPositions {
    /// Rows and columns of the grid.
    pub grid: [usize; 2],
    /// The number of rows at the beginning of the prefix that have a position too. Their positions are the
    /// first rows of the table.
    pub prefix: usize,
    /// What happens to an image with another grid.
    pub other_grids: OtherGrids,
}

/// What happens to an image whose grid is not that of the learned positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherGrids {
    /// It cannot be read.
    Refused,
    /// The positions are resized by bicubic interpolation (Oquab et al. 2024). With `smooth`, a smaller grid
    /// takes means over more positions (Darcet et al. 2024).
    Bicubic {
        /// Whether positions are smoothed before there are fewer of them.
        smooth: bool,
    },
}

/// The largest number of cells of a grid.
const MAX_CELLS: usize = 1 << 20;

impl Patches {
    /// The values of a patch: channels × height × width, in this order.
    pub fn width(&self) -> usize {
        self.size.iter().fold(self.channels, |all, &n| all.saturating_mul(n))
    }

    /// The number of rows before those of the patches.
    pub fn prefix_rows(&self) -> usize {
        self.prefix.iter().sum()
    }

    fn check(&self) -> Result<()> {
        let fail = |reason: String| Err(Error::Architecture { reason });
        if self.width() == 0 || self.width() > 1 << 24 {
            return fail(format!("a patch of {} values", self.width()));
        }
        if self.prefix.iter().any(|&rows| rows == 0 || rows > 1 << 12) || self.prefix.len() > 8 {
            return fail(format!("{:?} rows before the patches", self.prefix));
        }
        let Some(GridPositions { grid: [rows, columns], prefix, .. }) = self.positions else {
            return Ok(());
        };
        if rows == 0 || columns == 0 || rows.saturating_mul(columns) > MAX_CELLS {
            return fail(format!("positions for a grid of {rows} × {columns} patches"));
        }
        if prefix > self.prefix_rows() {
            let own = self.prefix_rows();
            return fail(format!("{prefix} positions for {own} rows before the patches"));
        }
        Ok(())
    }

    /// Checks the features of a sequence.
    fn check_features(&self, index: usize, features: &Features) -> Result<()> {
        let fail = |reason| Err(Error::Features { sequence: index, reason });
        let Some(grid @ [rows, columns]) = features.grid else {
            return fail("the patches of an image need a grid".to_owned());
        };
        let cells = rows.saturating_mul(columns);
        if cells == 0 {
            return Err(Error::Empty { sequence: index });
        }
        if cells > MAX_CELLS || features.rows() != cells {
            let found = features.rows();
            return fail(format!("{found} patches for a grid of {rows} × {columns}"));
        }
        if features.width != self.width() {
            let (found, expected) = (features.width, self.width());
            return fail(format!("a patch has {found} values, and the model reads {expected}"));
        }
        match self.positions {
            Some(GridPositions { grid: own, other_grids: OtherGrids::Refused, .. })
                if own != grid =>
            {
                Err(Error::Grid { sequence: index, grid, expected: own })
            }
            _ => Ok(()),
        }
    }
}

impl Source {
    pub(super) fn check(&self, a: &Architecture) -> Result<()> {
        let fail = |reason: &str| Err(Error::Architecture { reason: reason.to_owned() });
        match self {
            Self::Tokens => return Ok(()),
            Self::Patches(patches) => patches.check()?,
            Self::Frames(frames) => frames.check(a)?,
        }
        let embedding = &a.embedding;
        if embedding.positions.is_some() || embedding.token_types > 0 || embedding.dropped.is_some()
        {
            return fail("positions and types of tokens, and a model that reads no tokens");
        }
        if embedding.projection.is_some() {
            return fail("a projection of token embeddings, and a model that reads no tokens");
        }
        if a.head.is_some() {
            return fail("a language-model head, and a model that reads no tokens");
        }
        Ok(())
    }

    /// Checks a sequence of features.
    pub(crate) fn check_features(&self, index: usize, features: &Features) -> Result<()> {
        match self {
            Self::Tokens => Err(Error::Features {
                sequence: index,
                reason: "the model reads token ids".to_owned(),
            }),
            Self::Patches(patches) => patches.check_features(index, features),
            Self::Frames(frames) => frames.check_features(index, features),
        }
    }
}

impl Architecture {
    /// The number of rows of the states of a sequence: its tokens; the rows before its patches, and its
    /// patches; or its frames. 0 if the model does not read sequences of this kind.
    pub fn tokens(&self, sequence: &Sequence) -> usize {
        match (&self.embedding.source, sequence) {
            (Source::Tokens, Sequence::Tokens { token_ids, .. }) => token_ids.len(),
            (_, Sequence::Features(features)) => self.feature_tokens(features.rows()),
            _ => 0,
        }
    }

    /// The number of rows of the states of a sequence with so many rows of features.
    pub(crate) fn feature_tokens(&self, rows: usize) -> usize {
        match &self.embedding.source {
            Source::Tokens => 0,
            Source::Patches(patches) => patches.prefix_rows() + rows,
            Source::Frames(frames) => frames.frames(rows),
        }
    }

    /// A sequence of about so many tokens that the model can read, to measure how long it takes.
    pub fn example(&self, tokens: usize) -> Sequence {
        let tokens = tokens.max(1);
        match &self.embedding.source {
            Source::Tokens => {
                let most = self.max_tokens().unwrap_or(usize::MAX).min(tokens) as u32;
                let ids = (0..most).map(|id| id % self.d_vocab as u32).collect();
                Sequence::from_ids(ids)
            }
            Source::Patches(patches) => {
                let grid = match patches.positions {
                    Some(own) if own.other_grids == OtherGrids::Refused => own.grid,
                    _ => [1, tokens],
                };
                let values = vec![0.0; grid[0] * grid[1] * patches.width()];
                Sequence::Features(Features::new(self, values.into(), patches.width(), Some(grid)))
            }
            Source::Frames(frames) => {
                let most = match frames.positions {
                    FramePositions::Table { rows } => rows,
                    FramePositions::Convolution { .. } => usize::MAX,
                };
                let values = vec![0.0; frames.needed(tokens.min(most)) * frames.width];
                Sequence::Features(Features::new(self, values.into(), frames.width, None))
            }
        }
    }
}
