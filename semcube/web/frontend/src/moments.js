// SPDX-License-Identifier: Apache-2.0
// Steps of a time slider: the distinct moments where they are few, calendar periods where they are many.

const UNITS = [
  ['second', 1_000], ['minute', 60_000], ['hour', 3_600_000], ['day', 86_400_000], ['month', 30.44 * 86_400_000],
  ['year', 365.25 * 86_400_000], ['decade', 3652.5 * 86_400_000],
];
const MOST = 240;

/** The start of the period of a unit that holds a time. */
export function floor(time, unit) {
  const d = new Date(time);
  if (unit === 'month') return utc(d.getUTCFullYear(), d.getUTCMonth());
  if (unit === 'year') return utc(d.getUTCFullYear(), 0);
  if (unit === 'decade') return utc(Math.floor(d.getUTCFullYear() / 10) * 10, 0);
  const size = Object.fromEntries(UNITS)[unit];
  return Math.floor(time / size) * size;
}

function utc(year, month) {
  const date = new Date(0);
  date.setUTCFullYear(year, month, 1);
  return date.getTime();
}

/** Where the next period of a unit starts. */
export function next(start, unit) {
  const d = new Date(start);
  if (unit === 'month') return utc(d.getUTCFullYear(), d.getUTCMonth() + 1);
  if (unit === 'year') return utc(d.getUTCFullYear() + 1, 0);
  if (unit === 'decade') return utc(d.getUTCFullYear() + 10, 0);
  return start + Object.fromEntries(UNITS)[unit];
}

/** The steps {start, end} (end exclusive) for times in milliseconds, and the unit (null: distinct moments). */
export function steps(times) {
  const distinct = [...new Set(times.filter(Number.isFinite))].sort((a, b) => a - b);
  if (distinct.length <= MOST) {
    return { unit: null, steps: distinct.map((start) => ({ start, end: start + 1 })) };
  }
  const span = distinct.at(-1) - distinct[0];
  const [unit] = UNITS.find(([, size]) => span / size <= MOST) ?? UNITS.at(-1);
  const made = [];
  for (let start = floor(distinct[0], unit); start <= distinct.at(-1); start = next(start, unit)) {
    made.push({ start, end: next(start, unit) });
  }
  return { unit, steps: made };
}

/** A step in words. */
export function words(step, unit, locale = undefined) {
  const options = { timeZone: 'UTC' };
  if (unit === 'decade') return `${new Date(step.start).getUTCFullYear()}s`;
  if (unit === 'year') return String(new Date(step.start).getUTCFullYear());
  if (unit === 'month') Object.assign(options, { month: 'long', year: 'numeric' });
  else {
    Object.assign(options, { day: 'numeric', month: 'short', year: 'numeric' });
    if (unit !== 'day' && step.start % 86_400_000 !== 0) {
      Object.assign(options, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
      if (step.start % 60_000 !== 0) options.second = '2-digit';
    }
  }
  return new Intl.DateTimeFormat(locale, options).format(step.start);
}
