// SPDX-License-Identifier: Apache-2.0
// Colours by value: a perceptual ramp for numbers, a palette that colour-blind readers can tell apart for categories.

// viridis (Smith and van der Walt), nine stops; readable on light and dark ground
export const RAMP = ['#440154', '#472d7b', '#3b528b', '#2c728e', '#21918c', '#28ae80', '#5ec962', '#addc30', '#fde725'];
// Okabe and Ito, 2008, without black; the order keeps neighbours far apart
export const PALETTE = ['#0072b2', '#e69f00', '#009e73', '#d55e00', '#56b4e9', '#cc79a7', '#f0e442'];
export const OTHER = '#8b95a1';
export const PLAIN = '#0e8f83';

const channels = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));

// on dark ground the darkest stops of the ramp would be lost
const DARK_FROM = 0.2;

/** The colour of a number between 0 and 1. */
export function ramp(share, dark = false) {
  const inside = Math.min(1, Math.max(0, share));
  const at = (dark ? DARK_FROM + (1 - DARK_FROM) * inside : inside) * (RAMP.length - 1);
  const low = Math.min(RAMP.length - 2, Math.floor(at));
  const [a, b] = [channels(RAMP[low]), channels(RAMP[low + 1])];
  return `#${a.map((v, i) => Math.round(v + (b[i] - v) * (at - low)).toString(16).padStart(2, '0')).join('')}`;
}

const SKEWED = 0.15;

/**
 * A scale over numbers; outliers beyond the 2nd and 98th percentile take the end colours. Where most values crowd at the
 * low end, the scale is logarithmic (all positive) or a square root; `middle` is the number of the middle colour.
 */
export function numericScale(values, dark = false) {
  const numbers = values.filter((value) => value !== null && value !== '').map(Number).filter(Number.isFinite).sort((a, b) => a - b);
  if (!numbers.length) return { kind: 'none', colour: () => PLAIN };
  const at = (share) => numbers[Math.round(share * (numbers.length - 1))];
  const [lowest, highest] = [numbers[0], numbers.at(-1)];
  let [low, high] = [at(0.02), at(0.98)];
  if (low === high) [low, high] = [lowest, highest];
  const span = high - low || 1;
  const skewed = (at(0.5) - low) / span < SKEWED && numbers.length > 10;
  const shape = !skewed ? 'linear' : low > 0 ? 'log' : 'root';
  const share = {
    linear: (number) => (number - low) / span,
    log: (number) => Math.log(Math.max(number, low) / low) / Math.log(high / low),
    root: (number) => Math.sqrt(Math.max(0, number - low) / span),
  }[shape];
  const middle = { linear: low + span / 2, log: Math.sqrt(low * high), root: low + span / 4 }[shape];
  const numberOf = (value) => (value === null || value === undefined || value === '' ? NaN : Number(value));
  return {
    kind: 'number', shape, dark, low, middle, high, clippedLow: lowest < low, clippedHigh: highest > high,
    colour: (value) => (Number.isFinite(numberOf(value)) ? ramp(share(numberOf(value)), dark) : OTHER),
    rank: (value) => (Number.isFinite(numberOf(value)) ? share(numberOf(value)) : -1),
  };
}

/** A scale over categories: the most frequent get a colour of their own, the rest share one. */
export function categoryScale(values) {
  const counts = new Map();
  for (const value of values) counts.set(value ?? '', (counts.get(value ?? '') ?? 0) + 1);
  const order = [...counts].filter(([value]) => value !== '').sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  const own = new Map(order.slice(0, PALETTE.length).map(([value, count], i) => [value, { colour: PALETTE[i], count }]));
  const rest = order.slice(PALETTE.length);
  return {
    kind: 'category',
    entries: [...own].map(([value, { colour, count }]) => ({ value, colour, count })),
    others: { values: rest.length, count: rest.reduce((sum, [, count]) => sum + count, 0) + (counts.get('') ?? 0) },
    colour: (value) => own.get(value ?? '')?.colour ?? OTHER,
  };
}
