// The report's schema as the script reads it, for `tsc` alone: nothing of this file is in the page.

interface Estimate { value: number; low: number | null; high: number | null; n: number }
interface Paper { name: string; doi: string }
interface Token {
  text: string; sentence: number; token_id: number | null; char_offsets: [number, number];
  word_id: number | null; special: boolean;
}
interface MapAbout {
  reducer: string; alignment: string; rows: number[]; placed: number[];
  share_of_variance: [number, number] | null; third_share?: number;
  perplexity: number | null; neighbours: number | null;
}
interface MapLayer {
  points: [number, number][]; third?: number[];
  trustworthiness: number | null; continuity: number | null;
}
type Metric = 'cosine' | 'centred' | 'standardised' | 'euclidean';
interface Layer {
  layer: number; to_layer_0: Estimate | null; to_sentence: Estimate | null;
  baseline: Estimate | null; norm: number; cka: number[] | null;
  trajectory: MapLayer | null; tsne: MapLayer | null;
  similarity?: { [metric in Metric]?: number[] };
  neighbours?: number[][]; moved?: { token: number; change: number }[];
}
interface Exploration {
  tool: string; model: string; revision: string | null; family: string;
  n_layers: number; d_model: number; unit: string; settings: unknown; texts: string[];
  tokens: Token[]; sampled?: { of: number; seed: number };
  trajectory: MapAbout | null; tsne: MapAbout | null; neighbours?: number;
  layers: Layer[]; left_out: { name: string; reason: string }[];
}

interface Axis { title: string; labels: string[]; of?: 'layers' | 'tokens'; ids?: number[] }
interface Scale { low: number; high: number; signed: boolean }
interface Series {
  name: string; values: (number | null)[]; low?: (number | null)[]; high?: (number | null)[];
  n?: number; kind: 'measure' | 'baseline';
}
interface ChartHead { id: string; title: string; shows: string; paper?: Paper; exploration?: number }
interface CurvesChart extends ChartHead {
  type: 'curves'; x: Axis; y: string; range?: [number, number]; series: Series[];
}
interface MatrixChart extends ChartHead {
  type: 'matrix'; rows: Axis; columns: Axis; value: string; scale: Scale;
  slices: { name?: string; layer?: number; values: (number | null)[] }[];
}
interface GridCell { text: string; value: number | null; framed?: boolean; more?: string[] }
interface GridChart extends ChartHead {
  type: 'grid'; rows: Axis; columns: Axis; value: string; scale: Scale; cells: GridCell[][];
}
interface TrailsChart extends ChartHead {
  type: 'trails'; x: string; y: string; steps: Axis;
  items: { name: string; tokens?: number[]; emphasised: boolean; points: ([number, number] | null)[] }[];
}
interface TableChart extends ChartHead {
  type: 'table'; columns: string[]; rows: (number | string | null)[][];
}
type Chart = CurvesChart | MatrixChart | GridChart | TrailsChart | TableChart;
interface Report {
  schema: string; version: number; kind: string; tool: string; title: string;
  manifest: { [key: string]: unknown } | null;
  explorations: Exploration[]; aligned?: [number, number][]; one_basis?: boolean; charts: Chart[];
}

/** A token of one of the sides. */
interface Place { side: number; token: number }
interface State {
  depth: number; playing: boolean; selected: Place | null; hover: Place | null; pinned: Place[];
  map: 'trajectory' | 'tsne'; turn: number; colour: string; trails: boolean; ghost: boolean;
  metric: Metric; words: boolean; special: boolean; theme: number;
}
interface Rows { columns: string[]; rows: (number | string | null)[][] }
interface Hit { text: string; token?: number; layer?: number }
interface TextStyle {
  align?: 'left' | 'center' | 'right'; middle?: boolean; fill?: string; size?: number;
  bold?: boolean; turned?: boolean;
}
interface Pen {
  rect(x: number, y: number, w: number, h: number, fill: string, stroke?: string): void;
  line(x1: number, y1: number, x2: number, y2: number, stroke: string, width?: number, dash?: number[]): void;
  path(points: ArrayLike<number>, stroke: string, width?: number, dash?: number[]): void;
  area(points: ArrayLike<number>, fill: string): void;
  marker(x: number, y: number, r: number, shape: number, fill: string, stroke?: string): void;
  text(x: number, y: number, text: string, style?: TextStyle): void;
  fade(opacity: number): void;
}
