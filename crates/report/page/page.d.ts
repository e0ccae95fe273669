// What the page's script has beside the schema, for `tsc` alone: nothing of this file is in the page.

type Exploration = Schema.Exploration;
type MapAbout = Schema.MapAbout;
type Axis = Schema.Axis;
type Scale = Schema.Scale;
type Series = Schema.Series;
type Paper = Schema.Paper;
type Metric = keyof Schema.Similarity;

/** What pictures are coloured by. */
type Shade = 'similar' | 'components' | 'first' | 'chosen';
/** A part of a picture: left, top, width, height. */
type PictureBox = [number, number, number, number];

/** A token of one of the sides. */
interface Place { side: number; token: number }
interface State {
  depth: number; playing: boolean; selected: Place | null; hover: Place | null; pinned: Place[];
  map: 'trajectory' | 'tsne'; turn: number; colour: string; head: string; shade: Shade; trails: boolean; ghost: boolean;
  metric: Metric; words: boolean; special: boolean; controls: boolean; open: boolean; theme: number;
}
/** A table: `ends` says which columns end at one place, as numbers do. */
interface Rows { columns: string[]; rows: (number | string | null)[][]; ends?: boolean[] }
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
  image(picture: Picture, part: PictureBox, x: number, y: number, w: number, h: number, grey: boolean): void;
}
