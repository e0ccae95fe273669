// The schema of reports, for `tsc` alone: nothing of this file is in the page. Written by the test
// `the_types_of_the_page_are_those_of_the_schema` from the Rust types: do not edit.

declare namespace Schema {
  /** The places along one side of a chart. */
  type Axis = {
    /** What the axis measures or lists. */
    title: string;
    /** What the places are. */
    kind: AxisKind;
    /** `[places]`: the name of each place. Empty for `AxisKind::Share`. */
    labels: string[];
    /** `[places]`: the layers' numbers, the tokens' places in the exploration, or the counts. Empty where the places are not linked to anything else. */
    numbers?: number[];
    /** `[places]`: the text that each token belongs to. A line separates the groups. Empty for one group. */
    groups?: number[];
    /** The places whose label is grey: special tokens, words without a counterpart. */
    muted?: number[];
    /** The places that are unknown tokens, or words with such a token. */
    unknown?: number[];
  };
  /** What the places of an axis are. */
  type AxisKind = 'named' | 'layers' | 'tokens' | 'counts' | 'share';
  /** How values become colours: viridis for sizes, blue to red for signed values. */
  type Scale = {
    /** The value of the first colour. */
    low: number;
    /** The value of the last colour. */
    high: number;
    /** Whether the sign matters: then the ends are opposite numbers, and 0 has a neutral colour. */
    signed: boolean;
  };
  /** One chart. The same value is drawn on paper, drawn on the page, and written as JSON and CSV. */
  type Chart = {
    /** The name of its files and links: letters, digits and dashes; unique in a report. */
    id: string;
    /** Above it. */
    title: string;
    /** What it is about, such as a model. On paper it follows the title; the page says it in its head. */
    subject?: string;
    /** What it shows, how that is computed, and what it cannot show. */
    caption: string;
    /** The source of the measure. */
    paper?: Paper;
    /** The exploration of the report that it belongs to, counted from 0; none where it belongs to no text. */
    exploration?: number;
  } & Drawing;
  /** A paper that a measure comes from. */
  type Paper = {
    /** Authors and year. */
    name: string;
    /** Its DOI, without the resolver. */
    doi: string;
  };
  /** What a chart draws. */
  type Drawing = ({ type: 'curves' } & Curves) | ({ type: 'matrix' } & Matrix) | ({ type: 'grid' } & Grid) | ({ type: 'trails' } & Trails) | ({ type: 'table' } & Table) | ({ type: 'pictures' } & Pictures);
  /** Panels of curves. */
  type Curves = {
    /** The panels, row by row from the top; the panels of a row share its width. */
    rows: Panel[][];
    /** Whether these are small multiples: many small panels, with the names of the curves in one legend instead of beside each curve. */
    multiples?: boolean;
    /** What a reader has to know about axes and bands, as sentences below the panels. */
    notes?: string[];
  };
  /** Curves over one horizontal axis. */
  type Panel = {
    /** Above the panel; may be empty. */
    title?: string;
    /** The horizontal axis. */
    x: Axis;
    /** What the vertical axis measures, with its unit. */
    y: string;
    /** The ends of the vertical axis; all values and intervals are within them. */
    range: [number, number];
    /** The curves. */
    series: Series[];
  };
  /** One curve. */
  type Series = {
    /** Its name. */
    name: string;
    /** `[places]`; none where the measure is not defined: the curve has a gap there. */
    values: (number | null)[];
    /** `[places]`: the low and the high end of the interval of each value; empty for none. */
    intervals?: ([number, number] | null)[];
    /** `[places]`: where the values are, as shares of the whole depth, rising, 0 to 1. Empty where the panel's axis says it. */
    at?: number[];
    /** `[places]`: the layers, beside `at`; empty where the panel's axis says it. */
    layers?: number[];
    /** The size of the sample. */
    n?: number;
    /** A measure, or what measures are compared with. */
    kind: SeriesKind;
    /** The place that is ringed: that of the largest value. */
    peak?: number;
    /** The place of a measure's colour and marker in the palette; `Curves` sets it. */
    colour: number;
  };
  /** What a curve is. */
  type SeriesKind = 'measure' | 'baseline';
  /** Panels of coloured cells. */
  type Matrix = {
    /** The panels. Panels of one `value` and one `scale` share a colour bar. */
    panels: MatrixPanel[];
    /** How many matrices stand beside each other on paper; as many as fit where it is not set. */
    across?: number;
  };
  /** One matrix, or several of the same axes and scale. */
  type MatrixPanel = {
    /** Above the panel; may be empty. */
    title?: string;
    /** From the top; layers from the bottom. */
    rows: Axis;
    /** From the left. */
    columns: Axis;
    /** What a cell's value is, with its unit. */
    value: string;
    /** How it becomes a colour. */
    scale: Scale;
    /** Decimals of the numbers in the cells. */
    decimals: number;
    /** The size of the sample. */
    n?: number;
    /** The matrices. */
    slices: Slice[];
  };
  /** One matrix of a panel. */
  type Slice = {
    /** What tells it from the other matrices of its layer (a head, say); may be empty. */
    name?: string;
    /** The layer that it belongs to. The page shows the matrix of its current layer. */
    layer?: number;
    /** `[rows * columns]`, row by row; none where it is not defined. */
    values: (number | null)[];
    /** The cells that are framed, as places in `values`. */
    framed?: number[];
  };
  /** Words on coloured cells. */
  type Grid = {
    /** From the top; layers from the bottom. */
    rows: Axis;
    /** From the left; its labels stand below the cells. */
    columns: Axis;
    /** What a cell's value is, with its unit. */
    value: string;
    /** How it becomes a colour. */
    scale: Scale;
    /** `[rows][columns]`. */
    cells: GridCell[][];
    /** What was to be predicted at each column: a line above the cells. */
    truth?: Truth;
    /** What a frame says; empty where no cell is framed. */
    framed?: string;
    /** The column that is shown in any case, where paper has no room for all. */
    focus?: number;
  };
  /** What was to be predicted. */
  type Truth = {
    /** What it is called, such as `next token`. */
    name: string;
    /** `[columns]`; none where nothing was to be predicted. */
    labels: (string | null)[];
  };
  /** One cell of a grid. */
  type GridCell = {
    /** What stands in it. */
    text: string;
    /** What its colour says. */
    value: number | null;
    /** Whether it is framed: a prediction that is right, say. */
    framed?: boolean;
    /** What the page adds when it is pointed at. */
    more?: string[];
  };
  /** Points in a plane, one map for each layer. Points of several groups are coloured by group, points of one group by their place in it. */
  type Trails = {
    /** What the horizontal axis measures; empty where axes have no meaning. */
    x?: string;
    /** What the vertical axis measures; empty where axes have no meaning. */
    y?: string;
    /** The layers. */
    steps: Axis;
    /** `[steps]`: what is to be said of each map, such as its trustworthiness; empty for nothing. */
    notes?: string[];
    /** What moves. */
    items: Axis;
    /** `[steps][items]`: where it is; none where that is not defined. */
    points: (([number, number] | null)[])[];
    /** Whether all maps share one plane, so that the way from one to the next has a meaning. */
    shared?: boolean;
  };
  /** Rows of words and numbers. Neighbouring rows with the same text in the first column form a group. */
  type Table = {
    /** The columns. */
    columns: Column[];
    /** `[rows][columns]`. */
    rows: Cell[][];
  };
  /** A column of a table. */
  type Column = {
    /** Its name. */
    title: string;
    /** Where the texts of its cells begin or end. */
    align?: Align;
  };
  /** The side at which texts are aligned. A text that is too long loses its other side. */
  type Align = 'start' | 'end';
  /** What stands in a table. */
  type Cell = number | string | null;
  /** Pictures under a grid of cells, with the values of the cells at every layer. */
  type Pictures = {
    /** What the values of a cell are. One channel is drawn by a colour map; three channels are the red, the green and the blue of the cell. */
    channels: Channel[];
    /** The pictures. */
    panels: PicturePanel[];
  };
  /** One of the values of a cell. */
  type Channel = {
    /** What the value is, with its unit. */
    value: string;
    /** How it becomes a colour, or the strength of one. */
    scale: Scale;
  };
  /** A picture and the values of its cells. */
  type PicturePanel = {
    /** The name of the picture, such as its file. */
    title: string;
    /** The picture, as the model reads it: a PNG file as `data:image/png;base64,…`. */
    picture: string;
    /** Rows and columns of cells. They cover the picture. One row of cells is a strip: a sound. */
    grid: [number, number];
    /** The duration of a sound in seconds. */
    seconds?: number;
    /** The cell that has a frame, as its place row by row. */
    chosen?: number;
    /** The values, layer by layer. */
    slices: PictureSlice[];
  };
  /** The values of the cells of a picture at a layer. */
  type PictureSlice = {
    /** The layer. */
    layer: number;
    /** `[cells * channels]`, cell by cell and row by row; none where a value is not defined. */
    values: (number | null)[];
  };
  /** Everything that a page shows. */
  type Report = {
    /** `SCHEMA`. */
    schema: string;
    /** `VERSION`. */
    version: number;
    /** The command that made it: `explore`, `compare`, `profile`, `lens`, `geometry`, `probe`. */
    kind: string;
    /** The program and its version. */
    tool: string;
    /** The title of the page. */
    title: string;
    /** What determines the numbers, as in `manifest.json`. */
    manifest: unknown;
    /** What a comparison or a profile found, in sentences, the finding first. */
    verdict?: string[];
    /** The words of two sentences, one sentence above the other. */
    overlay?: Overlay;
    /** One word in two contexts. */
    contexts?: Contexts;
    /** The explored texts or models, one or two. */
    explorations: Exploration[];
    /** Pairs of tokens, one of each of two explorations, that correspond to the same word. */
    aligned?: ([number, number])[];
    /** Whether the maps of two explorations share one basis, so that positions can be compared. */
    one_basis?: boolean;
    /** The charts; every id is unique. */
    charts: Chart[];
  };
  /** One text (or several) in one model. */
  type Exploration = {
    /** The program and its version. */
    tool: string;
    /** The model's id or path. */
    model: string;
    /** Its commit on the hub. */
    revision: string | null;
    /** Its family. */
    family: string;
    /** The number of its blocks. */
    n_layers: number;
    /** The width of its states. */
    d_model: number;
    /** What a row of `tokens` is: `token`, `word`, `sentence`, `patch` or `frame`. */
    unit: string;
    /** How states were measured and reduced. */
    settings: unknown;
    /** Other options of the command, by name. */
    options?: unknown;
    /** The texts; of images and sounds, the names of the files. */
    texts: string[];
    /** The images or the sounds; none for texts. */
    media?: Media[];
    /** `[tokens]`. */
    tokens: Token[];
    /** The tokens that `query_similarity` of the layers is about, as indices of `tokens`. */
    queries?: number[];
    /** How the tokens were sampled, where some are missing. */
    sampled?: Sampled;
    /** The labels of the tokens, from an annotated file. */
    labels?: Label[];
    /** The map of the trajectory. */
    trajectory: MapAbout | null;
    /** The t-SNE map. */
    tsne: MapAbout | null;
    /** The number of tokens that CKA is computed from. */
    cka_tokens: number | null;
    /** The number of neighbours listed for each token. */
    neighbours?: number;
    /** How `neighbour_change` of the layers is counted. */
    neighbour_change?: NeighbourChange;
    /** Which attention weights the layers have. */
    attention?: AttentionAbout;
    /** The measures of each layer. */
    layers: Layer[];
    /** The model's own profile. */
    profile?: unknown;
    /** What changes with depth in the model. */
    story?: Story;
    /** The nearest words in context of the words of the text. */
    journeys?: Journeys;
    /** What is not shown, and why. */
    omitted: Omitted[];
  };
  /** A token, or the word or text that rows were pooled to. */
  type Token = {
    /** The letters that it covers (with `##` where it continues a word), or its name. */
    text: string;
    /** The index of its text, counted from 0. */
    sentence: number;
    /** Its id in the vocabulary. */
    token_id: number | null;
    /** Its start and end in its text, in characters. */
    char_offsets: [number, number];
    /** Its word, counted from 0 within the text. */
    word_id: number | null;
    /** Whether the tokenizer added it. */
    special: boolean;
    /** Whether it is the unknown token, which stands for letters that the vocabulary does not have. */
    unknown: boolean;
  };
  /** A kind of label, and the label of each token. */
  type Label = {
    /** Its name: `upos`, `deprel`, `xpos`, `feats.KEY` or `misc.KEY`. */
    name: string;
    /** Its values, the most frequent first. A token that is part of several words has their values with `+` between them. */
    values: string[];
    /** `[tokens]`: the value of each token, as an index of `values`; null for a token without a label. */
    of_tokens: (number | null)[];
  };
  /** A sample of the tokens. */
  type Sampled = {
    /** The number of all tokens. */
    of: number;
    /** The seed of the sample. */
    seed: number;
  };
  /** How a map was made. */
  type MapAbout = {
    /** `pca`, `tsne` or `random`. */
    reducer: string;
    /** `joint`, `procrustes` or `none`. */
    alignment: string;
    /** Whether each state was divided by its norm first, so that the map compares directions. */
    unit_length?: boolean;
    /** The tokens on it, as indices of `tokens`. */
    rows: number[];
    /** The tokens that were placed on a basis fitted without them, as indices of `tokens`. */
    placed: number[];
    /** The share of the variance along each axis. */
    share_of_variance: [number, number] | null;
    /** The share along the third component. */
    third_share?: number;
    /** t-SNE's perplexity. */
    perplexity: number | null;
    /** The number of neighbours that trustworthiness and continuity consider. */
    neighbours: number | null;
  };
  /** The measures of one layer. */
  type Layer = {
    /** The layer; 0 is the embedding output. */
    layer: number;
    /** Mean similarity of a token to itself at layer 0. */
    to_layer_0: Estimate | null;
    /** Mean similarity of a token to the other tokens of its sentence. */
    to_sentence: Estimate | null;
    /** Mean cosine of words of unrelated sentences. */
    baseline: Estimate | null;
    /** Mean Euclidean norm of a token. */
    norm: number;
    /** `[layers]`: debiased linear CKA with every layer. */
    cka: number[] | null;
    /** Its points on the trajectory's map. */
    trajectory: MapLayer | null;
    /** Its points on the t-SNE map. */
    tsne: MapLayer | null;
    /** Every token against every token. */
    similarity?: Similarity;
    /** Some tokens against every token, where `similarity` would be too large. */
    query_similarity?: QuerySimilarity;
    /** `[tokens]`: the nearest other tokens by the metric of the settings in the full space, nearest first, as indices of `tokens`; empty for special tokens, which are not listed as neighbours either. */
    neighbours?: number[][];
    /** `[tokens]`: 1 − cosine between the state of each token and its state at the layer before; none at the first layer. */
    steps?: number[];
    /** The tokens whose neighbours changed since the layer before, largest change first; a sample of many tokens lists only some. */
    neighbour_change?: TokenChange[];
    /** `[tokens]`: the experts that each token uses in the block that computes the layer; none in a block without a mixture of experts. */
    experts?: TokenExperts[];
    /** `[heads]`: the attention heads of the block that computes the layer, on request. */
    heads?: Head[];
    /** `[heads]`: the attention weights of the block that computes the layer, in thousandths. Each text has `tokens × tokens` weights, a row for each token that attends; the texts follow each other. A row sums to 1,000. */
    attention?: number[][];
    /** `[heads][tokens]`: the attention of the first token of each text, such as the class token of an image, to every token of its text, in hundred-thousandths. */
    from_first?: number[][];
  };
  /** Which attention weights the layers have. */
  type AttentionAbout = {
    /** The number of texts, from the first on. */
    texts: number;
    /** Whether the layers have the mean of their heads in place of the heads. */
    mean: boolean;
  };
  /** A mean with its 95 % interval. */
  type Estimate = {
    /** The mean. */
    value: number;
    /** The low and the high end; none where there is nothing to resample. */
    interval: [number, number] | null;
    /** The number of resampled units: sentences, or the tokens of a single one. */
    n: number;
  };
  /** One layer of a map. */
  type MapLayer = {
    /** `[rows]` of the map. */
    points: ([number, number])[];
    /** `[rows]`: the third component. */
    third?: number[];
    /** The share of neighbours on the map that are neighbours in the space of the layer, 0 to 1. */
    trustworthiness: number | null;
    /** The share of neighbours in the space that are neighbours on the map, 0 to 1. */
    continuity: number | null;
  };
  /** Token × token matrices of one layer, each as its upper triangle with the diagonal, row by row: `[tokens (tokens + 1) / 2]`. */
  type Similarity = {
    /** Cosines. */
    cosine?: number[];
    /** Cosines after the mean of the layer's tokens is subtracted, without special tokens and attention sinks. */
    centred?: number[];
    /** Cosines of z-scores over these tokens. */
    standardised?: number[];
    /** Euclidean distances. */
    euclidean?: number[];
  };
  /** How changes of neighbourhoods are counted. */
  type NeighbourChange = {
    /** The number of nearest neighbours, by the metric of the settings in the full space. */
    neighbours: number;
    /** The number of tokens among which neighbours are found. */
    n: number;
    /** The expected change between two unrelated neighbourhoods. */
    by_chance: number;
  };
  /** The experts that a token uses in a block with a mixture of experts. */
  type TokenExperts = {
    /** The chosen experts, counted from 0, the largest router logit first. */
    experts: number[];
    /** Their weights. */
    weights: number[];
    /** The routing margin: by how much the smallest logit of a chosen expert exceeds the largest of the others; none if all experts are chosen. */
    margin: number | null;
    /** Whether the margin is within the error of the computation. */
    uncertain: boolean;
  };
  /** An attention head, as means over the tokens that are not special. */
  type Head = {
    /** Entropy of a token's weights, in nats. */
    entropy: number;
    /** The entropy divided by its maximum. */
    relative_entropy: number | null;
    /** The mean distance of attention, in tokens. */
    distance: number | null;
    /** The share of the weight that goes to special tokens. */
    to_special: number | null;
  };
  /** A token whose neighbours changed. */
  type TokenChange = {
    /** Its index in `tokens`. */
    token: number;
    /** The share of its neighbours that are new, 0 to 1. */
    change: number;
  };
  /** Something that is not shown, and why. */
  type Omitted = {
    /** What it is. */
    what: string;
    /** Why it is not shown. */
    why: string;
  };
  /** An image or a sound, cut into cells: the patches of an image, the frames of a sound. Each cell is a token of the exploration. */
  type Media = {
    /** The name of its file. */
    name: string;
    /** What it is. */
    kind: MediaKind;
    /** The image as the model sees it, or the spectrogram of a sound, as a data URI of a PNG. The cells cover the whole picture. */
    picture: string;
    /** The width of the picture in pixels. */
    width: number;
    /** The height of the picture in pixels. */
    height: number;
    /** The rows and the columns of cells; a sound has one row. */
    grid: [number, number];
    /** The first cell, as an index of `tokens`; the other cells follow it, row by row. */
    first: number;
    /** The length of the sound that the picture shows, in seconds. */
    seconds?: number;
    /** The frequencies at the bottom and at the top of a spectrogram, in hertz. */
    hertz?: [number, number];
  };
  /** What is cut into cells. */
  type MediaKind = 'image' | 'sound';
  /** Similarities of some tokens to all tokens at one layer, where all pairs would be too many. */
  type QuerySimilarity = {
    /** `[queries][tokens]`: cosines. */
    cosine?: number[][];
    /** `[queries][tokens]`: cosines after the mean of the layer's tokens is subtracted, without special tokens and attention sinks. */
    centred?: number[][];
  };
  /** Two sentences of a comparison, word by word. The means by layer are the chart `compare`. */
  type Overlay = {
    /** The smallest number of edits from the first to the second sentence, in order. */
    steps: OverlayStep[];
    /** `[layers]`: the median distance of one word in two unrelated sentences. */
    same_word: number[];
    /** `[layers]`: the median distance of two random words of unrelated sentences. */
    random: number[];
    /** The step of the kept content word that moves most, and the layer at which it does; of a word at another place, the step of the first sentence. */
    moved: [number, number] | null;
    /** The content words that both sentences have at other places. */
    displaced?: OverlayDisplaced[];
    /** Runs of steps that are folded: the first step, and the one after the last. */
    folds?: ([number, number])[];
  };
  /** A content word that both sentences have at other places. */
  type OverlayDisplaced = {
    /** The word, as the first sentence has it. */
    word: string;
    /** The step of the first sentence that has it, and that of the second. */
    steps: [number, number];
    /** The layer at which its nearest words in other sentences part. */
    parts: number | null;
    /** `[layers]`: the distance of its two occurrences; none if one of them has no token. */
    distances: (number | null)[];
  };
  /** One word in two contexts, which are the explorations. The chart `compare` has the share of the nearest words that are the same in both. */
  type Contexts = {
    /** The word in each context. */
    words: [string, string];
    /** Its first token in each exploration. */
    tokens: [number, number];
    /** Its place in each text, in characters. */
    places: [[number, number], [number, number]];
    /** The layer at which the contexts part. */
    parts: number | null;
    /** `[layers]`: how many of the nearest words in other sentences are the same, and of how many. */
    in_common: ([number, number])[];
  };
  /** One step of the alignment. */
  type OverlayStep = {
    /** `kept`, `replaced`, `deleted` (only the first sentence has the word) or `inserted`. */
    edit: string;
    /** The word of each sentence. */
    words: [string | null, string | null];
    /** The first token of the word in each exploration; none if the tokenizer has no token for it. */
    tokens: [number | null, number | null];
    /** Whether it is a content word. */
    content: boolean;
    /** The first layer at which a kept word differs. */
    begins: number | null;
    /** For a kept content word, the layer at which its nearest words in other sentences part. */
    parts: number | null;
    /** `[layers]`: the distance of the two words; none if one of them has no token. */
    distances: (number | null)[];
  };
  /** What changes with depth in the model, measured on a reference bank of annotated sentences. */
  type Story = {
    /** One or two sentences that are generated from the numbers; empty if nothing was measured. */
    headline: string[];
    /** Why nothing was measured, and which command measures it. */
    not_measured?: string;
    /** The sentences that the curves were measured on. */
    bank?: BankAbout;
    /** The curves, by layer of the model, in rising order; empty if nothing was measured. */
    layers: StoryLayer[];
    /** The same curves of the model with random weights, by layer; empty if there are none. */
    random_weights?: StoryLayer[];
  };
  /** A bank of annotated sentences. */
  type BankAbout = {
    /** Its name. */
    name: string;
    /** The sha256 of its content. */
    sha256: string;
    /** The number of its sentences. */
    sentences: number;
    /** The number of words that were compared. */
    words: number;
  };
  /** The curves at one layer, as shares of the nearest words in context above chance: `(share − expected share) / (1 − expected share)`, so that 0 is chance and 1 is always. */
  type StoryLayer = {
    /** The layer; 0 is the embedding output. */
    layer: number;
    /** Neighbours in other sentences that have the word's syntactic relation. */
    grammar: ByClass | null;
    /** Neighbours in other sentences that have the word's supersense. */
    word_meaning: ByClass | null;
    /** Neighbours in the word's own sentence, as a share of the most that are possible. */
    sentence: Estimate | null;
  };
  /** The mean over nouns and verbs, and the values of both. */
  type ByClass = {
    /** The mean of the two classes. */
    value: number;
    /** The low and the high end of its 95 % interval; none where there is nothing to resample. */
    interval: [number, number] | null;
    /** The number of words. */
    n: number;
    /** Of nouns. */
    nouns: Estimate | null;
    /** Of verbs. */
    verbs: Estimate | null;
  };
  /** The nearest words in context of some words of the text, by layer, in the full space. */
  type Journeys = {
    /** The words in context that are shown; everywhere else, one is its index in this list. */
    occurrences: Occurrence[];
    /** The words of the text, in its order. */
    words: Journey[];
    /** The supersenses that are shown, in plain words. */
    senses?: Sense[];
    /** The word whose neighbours change most, as an index of `words`. */
    telling?: number;
  };
  /** A word in a sentence of the bank or of the built-in stimuli. */
  type Occurrence = {
    /** A few words before it and the space, with `…` where the sentence is cut. */
    before: string;
    /** The word. */
    word: string;
    /** The space and a few words after it, with `…` where the sentence is cut. */
    after: string;
    /** Its lemma. */
    lemma: string;
    /** Its part of speech, as in Universal Dependencies. */
    upos?: string;
    /** Its syntactic relation, without the subtype. */
    relation?: string;
    /** Its supersense, such as `n.GROUP`. */
    supersense?: string;
  };
  /** A supersense in plain words. */
  type Sense = {
    /** The label, such as `n.NATURALOBJECT`. */
    label: string;
    /** Its name for readers, such as `natural object`. */
    name: string;
  };
  /** A word of the text, and its neighbours by layer. */
  type Journey = {
    /** Its tokens, as indices of the exploration's `tokens`. */
    tokens: number[];
    /** The word as the text has it. */
    word: string;
    /** Which of the occurrences of the word in its text it is, from 1; none if the text has it once. */
    occurrence?: number;
    /** How often the word occurs in other sentences. Few occurrences are not searched. */
    occurrences_of_word: number;
    /** `[layers]` of the exploration. */
    layers: JourneyLayer[];
  };
  /** The neighbours of a word at one layer, nearest first. */
  type JourneyLayer = {
    /** The layer; 0 is the embedding output. */
    layer: number;
    /** The nearest occurrences of the same word, each in another sentence. */
    same_word: Neighbour[];
    /** The nearest other words, each lemma once. */
    other_words: Neighbour[];
    /** The syntactic relation that most of the ten nearest occurrences of the same word have. */
    relation?: Majority;
    /** The supersense that most of the ten nearest occurrences of the same word have. */
    supersense?: Majority;
    /** The syntactic relation that most of the ten nearest other words have. */
    other_relation?: Majority;
    /** The supersense that most of the ten nearest other words have. */
    other_supersense?: Majority;
  };
  /** A word in context that is near. */
  type Neighbour = {
    /** Its index in `occurrences`. */
    occurrence: number;
    /** The cosine of the standardised states. */
    similarity: number;
  };
  /** A label that most neighbours share. */
  type Majority = {
    /** The label. */
    label: string;
    /** The number of neighbours that have it. */
    count: number;
    /** The number of neighbours that have a label of this kind. */
    of: number;
  };
}
