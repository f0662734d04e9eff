// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict';
import test from 'node:test';
import { categoryScale, numericScale, OTHER, PALETTE, ramp, RAMP } from '../src/colours.js';
import { boundsOf, graticule } from '../src/geometry.js';
import { steps, words } from '../src/moments.js';
import { readHash, viewOf, viewText, writeHash } from '../src/share.js';
import { isLink, kinds, milliseconds, shorten, triples } from '../src/terms.js';

const XSD = 'http://www.w3.org/2001/XMLSchema#';

test('an IRI is shortened by the longest prefix that leaves a local name', () => {
  const prefixes = { e: 'http://e/', p: 'http://e/path/' };
  assert.equal(shorten('http://e/path/a', prefixes), 'p:a');
  assert.equal(shorten('http://e/a/b', prefixes), 'http://e/a/b');
  assert.equal(shorten('http://other/a', prefixes), 'http://other/a');
});

test('only http and https addresses are links', () => {
  assert.ok(isLink('https://e.org/a?b=c#d'));
  for (const text of ['javascript:alert(1)', 'data:text/html,x', 'http://a b', 'urn:x:y', 5, null]) assert.ok(!isLink(text));
});

test('variables are told apart by their bound values', () => {
  const rows = [
    { w: { type: 'literal', value: 'POINT(1 2)', datatype: 'http://www.opengis.net/ont/geosparql#wktLiteral' }, n: { type: 'literal', value: '1', datatype: `${XSD}integer` } },
    { n: { type: 'literal', value: '1.5', datatype: `${XSD}decimal` }, t: { type: 'literal', value: '2020-01-01', datatype: `${XSD}date` }, m: { type: 'uri', value: 'http://e/' } },
    { m: { type: 'literal', value: 'x' }, v: { type: 'uri', value: 'http://e/' } },
    { v: { type: 'literal', value: 'x' } },
    { v: { type: 'literal', value: 'POINT(1 2)', datatype: 'http://www.opengis.net/ont/geosparql#wktLiteral' } },
  ];
  const found = kinds(['w', 'n', 't', 'm', 'v', 'never'], rows);
  assert.deepEqual(found, { w: 'geometry', n: 'number', t: 'time', m: 'text', v: 'geometry', never: null });
});

test('times are read with their zone, and as UTC without one', () => {
  assert.equal(milliseconds('2020-03-01'), Date.UTC(2020, 2, 1));
  assert.equal(milliseconds('2020-03-01T12:00:00'), Date.UTC(2020, 2, 1, 12));
  assert.equal(milliseconds('2020-03-01T12:00:00.250+02:00'), Date.UTC(2020, 2, 1, 10, 0, 0, 250));
  assert.equal(milliseconds('2020-03-01T12:00:00-05:30'), Date.UTC(2020, 2, 1, 17, 30));
  assert.equal(new Date(milliseconds('-0044-03-15')).getUTCFullYear(), -44);
  assert.equal(new Date(milliseconds('0079-08-24')).getUTCFullYear(), 79);
  assert.ok(Number.isNaN(milliseconds('yesterday')));
});

test('N-Triples are read with escapes, languages, datatypes and blank nodes', () => {
  const { rows } = triples('_:b <http://e/p> "a \\"q\\" \\u00e9\\n"@en-GB .\n<http://e/s> <http://e/p> "5"^^<http://e/d> .\n\n# note\n');
  assert.deepEqual(rows[0].object, { type: 'literal', value: 'a "q" é\n', 'xml:lang': 'en-GB' });
  assert.deepEqual(rows[0].subject, { type: 'bnode', value: 'b' });
  assert.deepEqual(rows[1].object, { type: 'literal', value: '5', datatype: 'http://e/d' });
  assert.throws(() => triples('<http://e/s> nonsense'), /not an N-Triples line/);
});

test('the ramp ends where it should and the outliers take the end colours', () => {
  assert.equal(ramp(0), RAMP[0]);
  assert.equal(ramp(1), RAMP.at(-1));
  const values = [...Array(98).keys(), 1e9, -1e9].map(String);
  const scale = numericScale(values);
  assert.ok(scale.high < 1e9 && scale.low > -1e9 && scale.clippedHigh && scale.clippedLow);
  assert.equal(scale.colour('1000000000'), RAMP.at(-1));
  assert.equal(scale.colour(''), OTHER);
  assert.equal(scale.colour(null), OTHER);
  assert.equal(scale.shape, 'linear');
  const powers = numericScale([...Array(40).keys()].map((i) => 2 ** (i / 2)));
  assert.equal(powers.shape, 'log');
  assert.ok(Math.abs(powers.rank(powers.middle) - 0.5) < 1e-9);
  const crowded = numericScale([...Array(50).fill(0), ...Array(10).keys()]);
  assert.equal(crowded.shape, 'root');
  assert.ok(Math.abs(crowded.rank(crowded.middle) - 0.5) < 1e-9);
  assert.equal(crowded.rank(null), -1);
  assert.notEqual(ramp(0, true), RAMP[0]);
  assert.equal(ramp(1, true), RAMP.at(-1));
  assert.equal(numericScale(['3', '3']).colour('3'), RAMP[0]);
});

test('frequent categories get colours, the rest share one and are counted', () => {
  const values = [...'aaabbc'].concat([...'defghij'], ['', '']);
  const scale = categoryScale(values);
  assert.equal(scale.entries[0].value, 'a');
  assert.equal(scale.entries[0].colour, PALETTE[0]);
  assert.equal(scale.entries.length, PALETTE.length);
  assert.deepEqual(scale.others, { values: 3, count: 5 });
  assert.equal(scale.colour('j'), OTHER);
  assert.equal(scale.colour(null), OTHER);
});

test('few moments are steps of their own; many become calendar periods that cover all', () => {
  const few = steps([Date.UTC(2020, 0, 2), Date.UTC(2020, 0, 1), NaN, Date.UTC(2020, 0, 2)]);
  assert.equal(few.unit, null);
  assert.equal(few.steps.length, 2);
  assert.equal(words(few.steps[0], few.unit, 'en-GB'), '1 Jan 2020');
  const days = [...Array(400).keys()].map((i) => Date.UTC(2020, 0, 1) + i * 86_400_000);
  const many = steps(days);
  assert.equal(many.unit, 'month');
  assert.equal(many.steps.length, 14);
  assert.equal(words(many.steps[1], many.unit, 'en-GB'), 'February 2020');
  assert.ok(days.every((day) => many.steps.filter(({ start, end }) => day >= start && day < end).length === 1));
});

test('the address keeps the state', () => {
  const state = { query: 'SELECT * { ?s ?p "ä&=#" }', colour: 'x', view: viewText({ lng: -1.5, lat: 50, zoom: 4 }) };
  assert.deepEqual(readHash(writeHash(state)), state);
  assert.deepEqual(viewOf(state.view), { lng: -1.5, lat: 50, zoom: 4 });
  assert.equal(viewOf('a,b'), null);
  assert.equal(viewOf('500,0,1'), null);
  assert.equal(writeHash({}), '');
});

test('extents cross the date line where that is narrower', () => {
  const point = (x, y) => ({ geometry: { type: 'Point', coordinates: [x, y] } });
  assert.deepEqual(boundsOf([point(179, 10), point(-179, -10)]), [179, -10, 181, 10]);
  assert.deepEqual(boundsOf([point(-10, 0), point(10, 89)]), [-10, 0, 10, 85]);
  assert.deepEqual(boundsOf([point(-170, 0), point(170, 10), point(-60, 5), point(60, 5), point(0, 5)]), [-170, 0, 170, 10]);
  assert.equal(boundsOf([]), null);
  const nested = { geometry: { type: 'GeometryCollection', geometries: [point(3, 4).geometry, { type: 'Polygon', coordinates: [[[0, 0], [1, 0], [1, 5], [0, 0]]] }] } };
  assert.deepEqual(boundsOf([nested]), [0, 0, 3, 5]);
  assert.equal(graticule(10).geometry.coordinates.length, 37 + 17);
});
