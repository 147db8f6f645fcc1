/**
 * How the digits 0–9 are written: for each digit its hands (ways of writing), for each hand its strokes, for each stroke the points
 * a smooth curve runs through. A corner is the end of one stroke and the start of the next.
 */
export type Point = readonly [x: number, y: number];
export type Stroke = readonly Point[];
export type Hand = readonly Stroke[];

/** Strokes are parted by semicolons; points are x,y in hundredths of the digit's width and height, x to the right, y down. */
const written: readonly (readonly string[])[] = [
  ["50,0 24,14 14,50 24,86 50,100 76,86 86,50 76,14 50,0"],
  ["50,0 50,100", "28,24 54,0; 54,0 54,100", "28,20 50,0; 50,0 50,100; 20,100 80,100"],
  ["16,26 26,7 52,0 78,10 80,34 52,68 14,100; 14,100 88,100", "16,22 40,0 74,12 72,44 44,84 20,96 18,80 36,80 62,96 90,90"],
  ["18,14 48,0 80,14 74,38 40,47; 40,47 76,56 84,80 54,100 16,88", "18,0 80,0; 80,0 44,40; 44,40 78,50 84,78 54,100 16,90"],
  ["62,0 10,66; 10,66 92,66; 66,34 64,100", "24,0 16,50; 16,50 86,48; 80,0 74,100", "68,0 10,64; 10,64 92,64; 68,0 68,100"],
  ["82,0 26,0; 26,0 20,44; 20,44 50,36 80,50 82,78 52,100 16,90", "84,3 36,2 22,22 40,42 74,56 76,86 44,100 16,88"],
  ["70,0 34,26 18,62 26,92 54,100 82,84 76,58 48,50 20,68", "56,0 26,34 16,70 34,98 66,98 80,76 60,58 34,66 24,82"],
  ["14,0 86,0; 86,0 58,46 42,100", "14,0 86,0; 86,0 58,46 44,100; 32,50 78,50", "16,18 18,0; 18,0 86,2; 86,2 52,50 38,100"],
  ["50,47 24,30 28,7 50,0 72,7 76,30 50,47 20,68 22,92 50,100 78,92 80,68 50,47", "78,14 50,0 24,18 50,46 80,74 50,100 20,76 48,48 78,14"],
  ["80,28 62,50 32,50 20,26 38,3 66,4 80,28; 80,28 76,64 58,100", "80,20 56,0 24,12 22,38 50,50 78,30; 80,10 78,100"],
];

/** The hands of each digit; a digit fills [0, 1] × [0, 1]. */
export const glyphs: readonly (readonly Hand[])[] = written.map((hands) => hands.map(toStrokes));

function toStrokes(hand: string): Hand {
  const toPoint = (point: string): Point => {
    const [x, y] = point.split(",").map((hundredths) => Number(hundredths) / 100);
    return [x, y];
  };
  return hand.split("; ").map((stroke) => stroke.split(" ").map(toPoint));
}
