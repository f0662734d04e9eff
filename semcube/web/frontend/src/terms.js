// SPDX-License-Identifier: Apache-2.0
// RDF terms of SPARQL JSON results: kinds, short forms, N-Triples.

const XSD = 'http://www.w3.org/2001/XMLSchema#';
const GEO = 'http://www.opengis.net/ont/geosparql#';

const GEOMETRY = new Set(['wktLiteral', 'gmlLiteral', 'geoJSONLiteral', 'kmlLiteral'].map((name) => GEO + name));
const NUMERIC = new Set(
  ['integer', 'decimal', 'float', 'double', 'int', 'long', 'short', 'byte', 'nonNegativeInteger', 'positiveInteger',
    'nonPositiveInteger', 'negativeInteger', 'unsignedLong', 'unsignedInt', 'unsignedShort', 'unsignedByte']
    .map((name) => XSD + name));
const TEMPORAL = new Set(['dateTime', 'date', 'dateTimeStamp', 'gYear', 'gYearMonth'].map((name) => XSD + name));

export const isGeometry = (term) => term?.datatype !== undefined && GEOMETRY.has(term.datatype);
export const isNumeric = (term) => term?.datatype !== undefined && NUMERIC.has(term.datatype);
export const isTemporal = (term) => term?.datatype !== undefined && TEMPORAL.has(term.datatype);
export const isLink = (text) => typeof text === 'string' && /^https?:\/\/[^\s"<>\\^`{|}]+$/.test(text);

/** What each variable holds, from its bound values: 'geometry', 'number', 'time', 'iri', 'text' or null if never bound. */
export function kinds(variables, rows) {
  const found = {};
  for (const name of variables) {
    const seen = new Set();
    for (const row of rows) {
      const term = row[name];
      if (!term) continue;
      if (isGeometry(term)) seen.add('geometry');
      else if (isNumeric(term)) seen.add('number');
      else if (isTemporal(term)) seen.add('time');
      else if (term.type === 'uri') seen.add('iri');
      else seen.add('text');
      if (seen.has('geometry')) break;
    }
    if (seen.has('geometry')) found[name] = 'geometry';
    else found[name] = seen.size === 1 ? [...seen][0] : seen.size ? 'text' : null;
  }
  return found;
}

/** An IRI as prefix:name where a prefix fits, else its last part, else all of it. */
export function shorten(iri, prefixes) {
  let best = null;
  for (const [prefix, start] of Object.entries(prefixes)) {
    if (iri.startsWith(start) && (!best || start.length > best.start.length)) best = { prefix, start };
  }
  if (best) {
    const rest = iri.slice(best.start.length);
    if (/^[\p{L}\p{N}_.\-%]*$/u.test(rest)) return `${best.prefix}:${rest}`;
  }
  return iri;
}

/** Milliseconds of an xsd:dateTime, date, gYearMonth or gYear; without a time zone it is taken as UTC; NaN if it is none. */
export function milliseconds(lexical) {
  const match = /^\s*(-?\d{4,})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(\.\d+)?)?)?)?(Z|[+-]\d\d:\d\d)?\s*$/.exec(lexical);
  if (!match) return NaN;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', zone] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second), Math.trunc(Number(`0${fraction}`) * 1000));
  if (!zone || zone === 'Z') return date.getTime();
  const sign = zone[0] === '-' ? 1 : -1;
  return date.getTime() + sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6))) * 60_000;
}

const LINE = /^\s*(<[^>]*>|_:\S+)\s+<([^>]*)>\s+(<[^>]*>|_:\S+|"((?:[^"\\]|\\.)*)"(?:\^\^<([^>]*)>|@([A-Za-z0-9-]+))?)\s*\.\s*$/;
const ESCAPES = { t: '\t', b: '\b', n: '\n', r: '\r', f: '\f', '"': '"', "'": "'", '\\': '\\' };

const unescape = (text) =>
  text.replace(/\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))/g, (_, four, eight, one) =>
    one !== undefined ? (ESCAPES[one] ?? one) : String.fromCodePoint(parseInt(four ?? eight, 16)));

function node(text) {
  return text.startsWith('_:') ? { type: 'bnode', value: text.slice(2) } : { type: 'uri', value: unescape(text.slice(1, -1)) };
}

/** The triples of an N-Triples document as rows of terms named subject, predicate, object. */
export function triples(text) {
  const rows = [];
  for (const line of text.split('\n')) {
    if (!line.trim() || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (!match) throw new Error(`not an N-Triples line: ${line.slice(0, 120)}`);
    const [, subject, predicate, object, lexical, datatype, language] = match;
    let term;
    if (lexical === undefined) term = node(object);
    else {
      term = { type: 'literal', value: unescape(lexical) };
      if (datatype) term.datatype = unescape(datatype);
      if (language) term['xml:lang'] = language;
    }
    rows.push({ subject: node(subject), predicate: { type: 'uri', value: unescape(predicate) }, object: term });
  }
  return { variables: ['subject', 'predicate', 'object'], rows };
}
