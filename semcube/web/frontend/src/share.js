// SPDX-License-Identifier: Apache-2.0
// The state of the page in the hash of its address.

const KEYS = ['query', 'colour', 'time', 'view', 'pane'];

/** The state in a hash; absent keys are absent. */
export function readHash(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  return Object.fromEntries(KEYS.filter((name) => given.get(name)).map((name) => [name, given.get(name)]));
}

/** The hash of a state; empty values are left out. */
export function writeHash(state) {
  const given = new URLSearchParams();
  for (const name of KEYS) if (state[name]) given.set(name, state[name]);
  const text = given.toString();
  return text ? `#${text}` : '';
}

/** A map view as text, and back; null if the text is no view. */
export const viewText = ({ lng, lat, zoom }) => [lng.toFixed(4), lat.toFixed(4), zoom.toFixed(2)].join(',');

export function viewOf(text) {
  const [lng, lat, zoom] = (text ?? '').split(',').map(Number);
  const sound = [lng, lat, zoom].every(Number.isFinite) && Math.abs(lng) <= 180 && Math.abs(lat) <= 90 && zoom >= 0 && zoom <= 24;
  return sound ? { lng, lat, zoom } : null;
}
