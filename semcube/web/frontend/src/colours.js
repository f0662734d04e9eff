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

/** A scale over numbers; outliers beyond the 2nd and 98th percentile take the end colours. */
export function numericScale(values, dark = false) {
  const numbers = values.map(Number).filter(Number.isFinite).sort((a, b) => a - b);
  if (!numbers.length) return { kind: 'none', colour: () => PLAIN };
  const at = (share) => numbers[Math.round(share * (numbers.length - 1))];
  const [lowest, highest] = [numbers[0], numbers.at(-1)];
  let [low, high] = [at(0.02), at(0.98)];
  if (low === high) [low, high] = [lowest, highest];
  const span = high - low || 1;
  return {
    kind: 'number', dark, low, high, clippedLow: lowest < low, clippedHigh: highest > high,
    colour: (value) => {
      if (value === null || value === undefined || value === '') return OTHER;
      const number = Number(value);
      return Number.isFinite(number) ? ramp((number - low) / span, dark) : OTHER;
    },
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
