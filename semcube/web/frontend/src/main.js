// SPDX-License-Identifier: Apache-2.0
// Wires the page: editor, table, map, time, legend, address.
import '@zazuko/yasqe/build/yasqe.min.css';
import 'maplibre-gl/dist/maplibre-gl.css';
import './style.css';
import { categoryScale, numericScale, PLAIN } from './colours.js';
import { about, ask, askFeatures, askFile, askPlan, examples, vocabulary } from './client.js';
import { brief, compact, el, byId, number } from './dom.js';
import { makeEditor } from './editor.js';
import { drawLegend, ResultMap } from './map.js';
import { makeDivider, makeTabs } from './panes.js';
import { drawPlan } from './plan.js';
import { readHash, viewOf, viewText, writeHash } from './share.js';
import { TimeSlider } from './slider.js';
import { ResultTable } from './table.js';
import { isLink, kinds, milliseconds, shorten, triples } from './terms.js';

const FIRST_QUERY = `PREFIX geo: <http://www.opengis.net/ont/geosparql#>

SELECT ?feature ?wkt WHERE {
  ?feature geo:hasGeometry/geo:asWKT ?wkt .
}
LIMIT 1000`;

const DARK = matchMedia('(prefers-color-scheme: dark)');

const state = { status: 'starting', rows: 0, drawn: 0, visible: 0, variables: [], message: '' };
window.semcube = { state };

const address = readHash(location.hash);
let info = { prefixes: {}, formats: [] };
let running = null;
let answer = null;

const knownPrefixes = () => ({ ...info.prefixes, ...editor.prefixes() });
const remember = (changes) => {
  Object.assign(address, changes);
  history.replaceState(null, '', writeHash(address) || location.pathname);
};

function say(status, message) {
  state.status = status;
  state.message = message;
  byId('status').textContent = message;
  byId('status').dataset.status = status;
}

const storedVocabulary = (() => {
  let promise = null;
  return () => (promise ??= vocabulary().then((found) => ({ ...found, prefixes: info.prefixes })));
})();

const editor = makeEditor(byId('editor'), {
  value: address.query ?? FIRST_QUERY,
  vocabulary: storedVocabulary,
  onRun: () => run(),
  onChange: () => editor.mark(null),
});
const tabs = makeTabs((pane) => remember({ pane: pane === 'table' ? '' : pane }));
const table = new ResultTable(byId('pane-table'), { onLocate: locate, onExplore: explore });
const slider = new TimeSlider(byId('slider'), (range) => {
  if (!map) return;
  map.filterTime(range);
  state.visible = map.visible;
  state.time = range;
});
let map = null;

function explore(iri) {
  editor.value = `# everything said about one resource, and what refers to it
SELECT ?property ?value ?subject WHERE {
  { <${iri}> ?property ?value } UNION { ?subject ?property <${iri}> }
}
LIMIT 500`;
  run();
}

function locate(index) {
  const feature = answer?.featureOfRow?.(index);
  if (feature === undefined || feature === null) return;
  tabs.showMap();
  map.locate(feature);
}

function busy(on) {
  byId('run').textContent = on ? 'Stop' : 'Run';
  byId('run').classList.toggle('stop', on);
  byId('pane-map').setAttribute('aria-busy', String(on));
}

async function run({ fit = true } = {}) {
  running?.abort();
  const controller = new AbortController();
  running = controller;
  const query = editor.value;
  editor.mark(null);
  remember({ query });
  busy(true);
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(2)} s`;
  say('running', 'Running…');
  const clock = setInterval(() => say('running', `Running… ${seconds()}`), 500);
  try {
    const result = await ask(query, controller);
    const took = seconds();
    clearInterval(clock);
    await present(query, result, took, controller, fit);
  } catch (error) {
    clearInterval(clock);
    if (running === controller) failed(error, controller);
  } finally {
    clearInterval(clock);
    if (running === controller) {
      running = null;
      busy(false);
    }
  }
}

function failed(error, controller) {
  clearMap('');
  byId('download').disabled = true;
  if (error.name === 'AbortError' || controller.signal.aborted) {
    say('stopped', 'Stopped');
    table.message('Stopped', 'The query was stopped; the server has given it up too.');
    return;
  }
  state.error = error.message;
  say('error', error.title ?? 'Failed');
  table.message(error.title ?? 'The query failed', error.message, 'error');
  editor.mark(error.line, error.column);
  tabs.show('table');
}

async function present(query, result, took, controller, fit) {
  answer = { query, ...result };
  state.error = null;
  offerDownloads(result.kind);
  if (result.kind === 'boolean') {
    table.message(result.value ? 'Yes' : 'No', `The pattern has ${result.value ? 'a' : 'no'} solution.`, 'boolean');
    clearMap('');
    Object.assign(state, { rows: 1, variables: [] });
    return say('done', took);
  }
  if (result.kind === 'graph') Object.assign(answer, triples(result.text));
  const { variables, rows } = answer;
  Object.assign(state, { rows: rows.length, variables });
  table.show({ variables, rows, prefixes: knownPrefixes() });
  const counted = `${number.format(rows.length)} ${result.kind === 'graph' ? 'triples' : rows.length === 1 ? 'row' : 'rows'}`;
  answer.kinds = kinds(variables, rows);
  const geometries = variables.filter((name) => answer.kinds[name] === 'geometry');
  if (result.kind === 'graph' || !geometries.length) {
    const why = result.kind === 'graph' ? 'The map shows answers of SELECT.' : 'No geometry in this answer.';
    clearMap(rows.length || result.kind === 'graph' ? why : 'The answer is empty.');
    return say('done', `${counted} in ${took}`);
  }
  say('running', `${counted} in ${took}; drawing…`);
  const drawn = await draw(query, geometries, controller, fit);
  return say('done', `${counted} in ${took}; ${number.format(drawn)} on the map`);
}

async function draw(query, geometries, controller, fit) {
  const collection = await askFeatures(query, controller);
  byId('map-note').hidden = true;
  const { variables, rows } = answer;
  const usable = variables.filter((name) => !geometries.includes(name) && answer.kinds[name]);
  answer.featureOfRow = pairing(rows, collection.features, usable);
  const features = collection.features.filter((feature) => feature.geometry);
  const timed = usable.find((name) => answer.kinds[name] === 'time');
  if (timed) for (const { properties } of features) properties.__time = milliseconds(String(properties[timed] ?? ''));
  map.prefixes = knownPrefixes();
  state.drawn = await map.draw({ features }, { fit });
  if (!state.drawn) note('No geometry of this answer could be drawn.');
  await offerColours(usable);
  if (timed) slider.load(features.map(({ properties }) => properties.__time));
  else slider.hide();
  state.visible = map.visible;
  return state.drawn;
}

/** Row number -> number of its drawn feature. One feature is one row; that both answers have the same order is checked. */
function pairing(rows, features, usable) {
  const same = (row, { properties }) => usable.every((name) => {
    const term = row[name];
    const value = properties[name] ?? null;
    if (!term || value === null) return !term && value === null;
    return typeof value === 'string' ? value === term.value || value === `_:${term.value}` : String(value) === String(JSON.parse(term.value));
  });
  const drawn = new Map();
  features.forEach((feature, index) => feature.geometry && drawn.set(index, drawn.size));
  return (index) => {
    try {
      return rows.length === features.length && same(rows[index], features[index]) ? drawn.get(index) : undefined;
    } catch {
      return undefined; // a number that JSON spells otherwise: no pair rather than a wrong one
    }
  };
}

function note(text) {
  byId('map-note').textContent = text;
  byId('map-note').hidden = !text;
}

function clearMap(why) {
  state.drawn = state.visible = 0;
  byId('legend').hidden = true;
  slider.hide();
  map?.draw({ features: [] }, { fit: false });
  note(why);
}

// numbers that only name or place a thing
const DULL = /(^|_)(x|y|lat|lon|lng|latitude|longitude|code)$|id$/i;

function pick(usable) {
  const asked = usable.includes(address.colour) ? address.colour : null;
  const varied = (name) => new Set(answer.rows.map((row) => row[name]?.value)).size > 1;
  const numbers = usable.filter((name) => answer.kinds[name] === 'number' && varied(name));
  return asked ?? numbers.find((name) => !DULL.test(name)) ?? numbers[0]
    ?? usable.find((name) => ['text', 'iri'].includes(answer.kinds[name]) && varied(name) && few(name)) ?? '';
}

const few = (name) => new Set(answer.rows.map((row) => row[name]?.value)).size <= Math.max(12, answer.rows.length / 4);

async function offerColours(usable) {
  const select = byId('colour');
  select.replaceChildren(el('option', { value: '', text: 'one colour' }), ...usable.map((name) => el('option', { value: name, text: `?${name}` })));
  select.value = pick(usable);
  byId('legend').hidden = !usable.length;
  await recolour();
}

async function recolour() {
  const name = byId('colour').value;
  state.colour = name;
  if (!name) {
    drawLegend({ kind: 'none' }, String);
    return map.colour(() => PLAIN);
  }
  const kind = answer.kinds[name];
  const valueOf = ({ properties }) => (kind === 'time' ? milliseconds(String(properties[name] ?? '')) : properties[name]);
  const values = map.features.map(valueOf);
  const scale = kind === 'number' || kind === 'time' ? numericScale(values, DARK.matches) : categoryScale(values.map((v) => (v === null || v === undefined ? '' : String(v))));
  const date = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeZone: 'UTC' });
  const format = kind === 'time' ? (v) => date.format(v) : kind === 'number' ? brief
    : (v) => (isLink(v) ? shorten(v, map.prefixes) : v);
  drawLegend(scale, format);
  const plain = scale.kind === 'category';
  return map.colour((feature) => {
    const value = valueOf(feature);
    return scale.colour(plain && value !== null && value !== undefined ? String(value) : value);
  }, (feature) => scale.rank?.(valueOf(feature)) ?? 0);
}

function offerDownloads(kind) {
  const select = byId('download');
  select.replaceChildren(el('option', { value: '', text: 'Download' }),
    ...info.formats.filter((format) => format.kind === kind).map(({ name, title }) => el('option', { value: name, text: title })));
  select.disabled = select.options.length < 2;
}

async function download() {
  const select = byId('download');
  const format = info.formats.find(({ name, kind }) => name === select.value && kind === answer.kind);
  select.value = '';
  if (!format) return;
  try {
    const blob = await askFile(answer.query, format.name, new AbortController());
    const link = el('a', { href: URL.createObjectURL(blob), download: `answer.${format.extension}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  } catch (error) {
    say('error', error.message);
  }
}

async function explain() {
  tabs.show('plan');
  const pane = byId('pane-plan');
  pane.replaceChildren(el('p', { class: 'quiet', text: 'Running with measurements…' }));
  editor.mark(null);
  try {
    drawPlan(pane, await askPlan(editor.value, new AbortController()));
  } catch (error) {
    editor.mark(error.line, error.column);
    pane.replaceChildren(el('div', { class: 'message error', role: 'alert' },
      el('strong', { text: error.title ?? 'Failed' }), el('p', { text: error.message })));
  }
}

async function offerExamples() {
  const select = byId('examples');
  const found = await examples();
  const groups = new Map();
  for (const example of found) groups.set(example.group, [...(groups.get(example.group) ?? []), example]);
  let index = 0;
  for (const [group, members] of groups) {
    select.append(el('optgroup', { label: group }, ...members.map((example) => el('option', { value: String(index++), text: example.label }))));
  }
  const ordered = [...groups.values()].flat();
  select.addEventListener('change', () => {
    if (select.value === '') return;
    editor.value = ordered[Number(select.value)].query;
    remember({ colour: '' });
    select.value = '';
    run();
  });
  return ordered;
}

async function share() {
  remember({ query: editor.value });
  try {
    await navigator.clipboard.writeText(location.href);
    say(state.status, 'The link is on the clipboard');
  } catch {
    say(state.status, 'The link is in the address bar');
  }
}

async function start() {
  byId('run').addEventListener('click', () => (running ? running.abort() : run()));
  byId('explain').addEventListener('click', explain);
  byId('format').addEventListener('click', () => editor.format());
  byId('share').addEventListener('click', share);
  byId('download').addEventListener('change', download);
  byId('area').addEventListener('click', () => editor.insert(`"${map.viewWKT()}"^^<http://www.opengis.net/ont/geosparql#wktLiteral>`));
  byId('colour').addEventListener('change', () => {
    remember({ colour: byId('colour').value });
    recolour();
  });
  DARK.addEventListener('change', () => state.drawn && recolour());
  makeDivider(byId('divider'));
  info = await about();
  const counts = [[info.triples, 'triples'], [info.geometries, 'geometries'], [info.graphs, 'named graphs']];
  byId('summary').textContent = counts.filter(([n]) => n).map(([n, what]) => `${compact.format(n)} ${what}`).join(' · ');
  byId('summary').title = counts.filter(([n]) => n).map(([n, what]) => `${number.format(n)} ${what}`).join(', ');
  document.title = info.title ? `${info.title} – semcube` : 'semcube';
  map = new ResultMap(byId('map'), {
    land: info.land, view: viewOf(address.view), prefixes: info.prefixes, onExplore: explore,
    onView: (view) => remember({ view: viewText(view) }),
  });
  if (address.pane) tabs.show(address.pane);
  table.message('Ask a question', 'Write a SPARQL query, or choose an example; Ctrl+Enter runs it.');
  const shared = Boolean(address.query);
  say('ready', '');
  const found = await offerExamples();
  if (shared) run({ fit: !viewOf(address.view) });
  else if (found.length && editor.value === FIRST_QUERY) editor.value = found[0].query;
}

start().catch((error) => {
  say('error', error.message);
  table.message(error.title ?? 'The page could not start', error.message, 'error');
});
