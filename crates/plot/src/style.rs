//! The look of figures: widths and sizes of text.

/// The width of two columns of a paper and the space between them, in points.
const TWO_COLUMNS: f64 = 496.8;

/// The look of figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Style {
    /// The width of the figure.
    pub(crate) column: f64,
    /// White edge of the figure.
    pub(crate) margin: f64,
    /// Sizes of text in pt. None is smaller than `small`.
    pub(crate) title: f64,
    pub(crate) heading: f64,
    pub(crate) body: f64,
    pub(crate) small: f64,
    /// The height that a figure should not pass, if its parts can be fewer.
    pub(crate) tall: f64,
    /// Whether it is one narrow column without title, notes and caption.
    pub(crate) is_paper: bool,
    dots_per_inch: u32,
}

impl Style {
    /// A figure that stands alone: 17 cm wide, with its title and its caption.
    pub const REPORT: Self = Self {
        column: 482.0,
        margin: 12.0,
        title: 11.0,
        heading: 9.0,
        body: 8.0,
        small: 7.0,
        tall: 1_500.0,
        is_paper: false,
        dots_per_inch: 200,
    };

    /// A figure for one column of a paper: 3.3 inches wide, 8-point type, no title and no caption
    /// in the picture ([`Figure::caption`](crate::Figure::caption) has them as text).
    pub const PAPER: Self = Self {
        column: 237.6,
        margin: 3.0,
        title: 8.0,
        heading: 8.0,
        body: 8.0,
        small: 8.0,
        tall: 600.0,
        is_paper: true,
        dots_per_inch: 300,
    };

    /// [`PAPER`](Self::PAPER) for a column of another width, in points: from one column of a paper (3.3
    /// inches) to two (6.9 inches). `None` for another width.
    pub fn paper_of(width: f64) -> Option<Self> {
        let allowed = Self::PAPER.column - 0.5..=TWO_COLUMNS + 0.5;
        allowed.contains(&width).then_some(Self { column: width, ..Self::PAPER })
    }

    /// The resolution of a PNG for print.
    pub fn dots_per_inch(self) -> u32 {
        self.dots_per_inch
    }

    /// The style of a table. Many columns are not legible in one column of a paper: their figure is as
    /// wide as two, 6.9 inches.
    pub(crate) fn for_columns(self, columns: usize) -> Self {
        const MOST: usize = 4;
        let wide = self.is_paper && columns > MOST;
        Self { column: if wide { TWO_COLUMNS } else { self.column }, ..self }
    }

    /// One of two values: of a report, or of a paper.
    pub(crate) fn either<T>(self, report: T, paper: T) -> T {
        if self.is_paper { paper } else { report }
    }
}

impl Default for Style {
    fn default() -> Self {
        Self::REPORT
    }
}
