// SPDX-License-Identifier: Apache-2.0
// Small geometry of the page: extents and the graticule.

function* positions(geometry) {
  if (geometry.type === 'GeometryCollection') {
    for (const part of geometry.geometries) yield* positions(part);
    return;
  }
  const pending = [geometry.coordinates];
  while (pending.length) {
    const item = pending.pop();
    if (typeof item?.[0] === 'number') yield item;
    else if (Array.isArray(item)) for (const part of item) pending.push(part);
  }
}

/** [west, south, east, north] of features, null without any position. East may exceed 180 where that is the narrower box. */
export function boundsOf(features) {
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  let [westShifted, eastShifted] = [Infinity, -Infinity];
  for (const { geometry } of features) {
    for (const [x, y] of positions(geometry)) {
      if (x < west) west = x;
      if (x > east) east = x;
      if (y < south) south = y;
      if (y > north) north = y;
      const shifted = x < 0 ? x + 360 : x;
      if (shifted < westShifted) westShifted = shifted;
      if (shifted > eastShifted) eastShifted = shifted;
    }
  }
  if (west === Infinity) return null;
  const narrower = eastShifted - westShifted < 0.75 * (east - west);
  if (narrower) [west, east] = [westShifted, eastShifted];
  return [west, Math.max(-85, south), east, Math.min(85, north)];
}

/** Meridians and parallels every `step` degrees. */
export function graticule(step) {
  const lines = [];
  for (let x = -180; x <= 180; x += step) {
    const line = [];
    for (let y = -80; y <= 80; y += 5) line.push([x, y]);
    lines.push(line);
  }
  for (let y = -80; y <= 80; y += step) {
    const line = [];
    for (let x = -180; x <= 180; x += 5) line.push([x, y]);
    lines.push(line);
  }
  return { type: 'Feature', properties: {}, geometry: { type: 'MultiLineString', coordinates: lines } };
}
