// SPDX-License-Identifier: Apache-2.0
// The map of a result: our own background, features coloured by value, a popup with all bindings.
import { GlobeControl, LngLatBounds, Map as MapLibre, NavigationControl, Popup, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import { PLAIN, ramp } from './colours.js';
import { byId, el, number } from './dom.js';
import { boundsOf, graticule } from './geometry.js';
import { isLink, shorten } from './terms.js';

setWorkerUrl(new URL(MAP_WORKER, document.baseURI).href);

const FEATURES = ['result-fill', 'result-outline', 'result-line', 'result-point'];
const GEOMETRY = {
  'result-fill': ['==', ['geometry-type'], 'Polygon'],
  'result-outline': ['==', ['geometry-type'], 'Polygon'],
  'result-line': ['==', ['geometry-type'], 'LineString'],
  'result-point': ['==', ['geometry-type'], 'Point'],
};
const EMPTY = { type: 'FeatureCollection', features: [] };

const radius = (share) => ['interpolate', ['linear'], ['zoom'], 1, 3.4 * share, 6, 5 * share, 12, 7];
const tint = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function styleOf(withLand) {
  const sources = { graticule: { type: 'geojson', data: graticule(10) }, result: { type: 'geojson', data: EMPTY, tolerance: 0.2 } };
  const layers = [{ id: 'water', type: 'background', paint: { 'background-color': tint('--map-water') } }];
  if (withLand) {
    sources.land = { type: 'geojson', data: new URL('map/land.geojson', document.baseURI).href };
    layers.push({ id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': tint('--map-land'), 'fill-antialias': true } });
  }
  layers.push({ id: 'graticule', type: 'line', source: 'graticule', paint: { 'line-color': tint('--map-graticule'), 'line-width': 0.6 } });
  if (withLand) {
    layers.push({ id: 'borders', type: 'line', source: 'land', paint: { 'line-color': tint('--map-border'), 'line-width': 0.8 } });
  }
  const colour = ['coalesce', ['get', '__colour'], PLAIN];
  const width = ['interpolate', ['linear'], ['zoom'], 2, 1, 8, 2, 14, 3.5];
  layers.push(
    { id: 'result-fill', type: 'fill', source: 'result', filter: GEOMETRY['result-fill'],
      paint: { 'fill-color': colour, 'fill-opacity': 0.55 } },
    { id: 'result-outline', type: 'line', source: 'result', filter: GEOMETRY['result-outline'],
      paint: { 'line-color': colour, 'line-width': 1.1 } },
    { id: 'result-line', type: 'line', source: 'result', filter: GEOMETRY['result-line'],
      layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': colour, 'line-width': width } },
    { id: 'result-point', type: 'circle', source: 'result', filter: GEOMETRY['result-point'],
      layout: { 'circle-sort-key': ['coalesce', ['get', '__rank'], 0] },
      paint: {
        'circle-color': colour, 'circle-opacity': 0.9, 'circle-stroke-color': tint('--map-halo'), 'circle-stroke-width': 1,
        'circle-radius': radius(1),
      } },
    { id: 'chosen-line', type: 'line', source: 'result', filter: ['==', ['id'], -1],
      paint: { 'line-color': tint('--map-chosen'), 'line-width': 3 } },
    { id: 'chosen-point', type: 'circle', source: 'result', filter: ['==', ['id'], -1],
      paint: { 'circle-color': 'rgba(0,0,0,0)', 'circle-radius': 10, 'circle-stroke-width': 3, 'circle-stroke-color': tint('--map-chosen') } });
  return { version: 8, sources, layers };
}

export class ResultMap {
  /** `onView(view)` after each move, `onExplore(iri)` from a popup. */
  constructor(container, { land, view, prefixes, onView, onExplore }) {
    this.prefixes = prefixes;
    this.onExplore = onExplore;
    this.land = land;
    this.features = [];
    this.time = null;
    this.map = new MapLibre({
      container, style: styleOf(land), attributionControl: false, maxPitch: 60, renderWorldCopies: true,
      center: view ? [view.lng, view.lat] : [10, 25], zoom: view?.zoom ?? 1.1, maxZoom: 20,
    });
    this.ready = new Promise((resolve) => this.map.once('load', resolve));
    this.map.addControl(new NavigationControl({ visualizePitch: true }), 'top-right');
    this.map.addControl(new GlobeControl(), 'top-right');
    this.map.addControl(new ScaleControl({ maxWidth: 110 }), 'bottom-right');
    this.map.on('moveend', () => onView({ ...this.map.getCenter(), zoom: this.map.getZoom() }));
    this.map.on('click', (event) => this.click(event));
    for (const layer of FEATURES) {
      this.map.on('mouseenter', layer, () => (this.map.getCanvas().style.cursor = 'pointer'));
      this.map.on('mouseleave', layer, () => (this.map.getCanvas().style.cursor = ''));
    }
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.retint());
    new ResizeObserver(() => this.map.resize()).observe(container);
  }

  async retint() {
    await this.ready;
    const paint = (layer, name, value) => this.map.getLayer(layer) && this.map.setPaintProperty(layer, name, value);
    paint('water', 'background-color', tint('--map-water'));
    paint('land', 'fill-color', tint('--map-land'));
    paint('borders', 'line-color', tint('--map-border'));
    paint('graticule', 'line-color', tint('--map-graticule'));
    paint('result-point', 'circle-stroke-color', tint('--map-halo'));
    paint('chosen-line', 'line-color', tint('--map-chosen'));
    paint('chosen-point', 'circle-stroke-color', tint('--map-chosen'));
  }

  /** Draw a feature collection; resolves with the number drawn once the map shows them. */
  async draw(collection, { fit = true } = {}) {
    await this.ready;
    this.popup?.remove();
    this.features = collection.features.filter((feature) => feature.geometry);
    this.features.forEach((feature, index) => (feature.id = index));
    const bounds = boundsOf(this.features);
    const small = this.features.length > 5000 ? 0.55 : this.features.length > 1000 ? 0.8 : 1;
    this.map.setPaintProperty('result-point', 'circle-radius', radius(small));
    this.map.setPaintProperty('result-point', 'circle-stroke-width', small === 1 ? 1 : 0.6);
    await this.commit();
    if (fit && bounds) this.fit(bounds, 0);
    return this.features.length;
  }

  commit() {
    const source = this.map.getSource('result');
    const shown = new Promise((resolve) => this.map.once('idle', resolve));
    source.setData({ type: 'FeatureCollection', features: this.features });
    return shown;
  }

  fit(bounds, duration = 600, maxZoom = 15) {
    const [west, south, east, north] = bounds;
    this.map.fitBounds(new LngLatBounds([west, south], [east, north]), { padding: 56, maxZoom, duration });
  }

  /** Colour each feature by `colourOf(feature)`; those of higher `rankOf(feature)` lie on top. */
  async colour(colourOf, rankOf = () => 0) {
    for (const feature of this.features) Object.assign(feature.properties, { __colour: colourOf(feature), __rank: rankOf(feature) });
    await this.commit();
  }

  /** Keep features whose `__time` is in [from, to); null keeps all. */
  async filterTime(range) {
    this.time = range;
    await this.ready;
    const when = range && ['all', ['has', '__time'], ['>=', ['get', '__time'], range.from], ['<', ['get', '__time'], range.to]];
    for (const layer of FEATURES) this.map.setFilter(layer, when ? ['all', GEOMETRY[layer], when] : GEOMETRY[layer]);
  }

  /** Features within the time filter. */
  get visible() {
    const { time } = this;
    if (!time) return this.features.length;
    return this.features.filter(({ properties: { __time: t } }) => t >= time.from && t < time.to).length;
  }

  /** Centre on a feature and open its popup. */
  locate(index) {
    const feature = this.features[index];
    const bounds = feature && boundsOf([feature]);
    if (!bounds) return;
    this.fit(bounds, 600, Math.max(this.map.getZoom(), 7));
    this.open([feature], [(bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2]);
  }

  click(event) {
    const { x, y } = event.point;
    const hits = this.map.queryRenderedFeatures([[x - 4, y - 4], [x + 4, y + 4]], { layers: FEATURES });
    const indices = [...new Set(hits.map((hit) => hit.id))];
    if (indices.length) this.open(indices.map((index) => this.features[index]), event.lngLat);
  }

  open(features, at) {
    this.popup?.remove();
    let shown = 0;
    const content = el('div', { class: 'bindings' });
    const render = () => {
      const feature = features[shown];
      this.choose(feature.id);
      const pager = features.length > 1 ? el('div', { class: 'pager' },
          el('button', { type: 'button', class: 'icon', 'aria-label': 'Previous feature', text: '‹', onclick: () => turn(-1) }),
          el('span', { text: `${number.format(shown + 1)} of ${number.format(features.length)} here` }),
          el('button', { type: 'button', class: 'icon', 'aria-label': 'Next feature', text: '›', onclick: () => turn(1) })) : null;
      content.replaceChildren(...[pager, this.bindings(feature.properties)].filter(Boolean));
    };
    const turn = (by) => {
      shown = (shown + by + features.length) % features.length;
      render();
    };
    this.popup = new Popup({ maxWidth: '340px', closeButton: true, focusAfterOpen: true }).setLngLat(at).setDOMContent(content);
    this.popup.on('close', () => this.choose(-1));
    render();
    this.popup.addTo(this.map);
  }

  choose(id) {
    if (!this.map.getLayer('chosen-line')) return;
    this.map.setFilter('chosen-line', ['all', ['==', ['id'], id], ['!=', ['geometry-type'], 'Point']]);
    this.map.setFilter('chosen-point', ['all', ['==', ['id'], id], ['==', ['geometry-type'], 'Point']]);
  }

  bindings(properties) {
    const rows = Object.entries(properties).filter(([name, value]) => !name.startsWith('__') && value !== null && value !== '');
    if (!rows.length) return el('p', { class: 'quiet', text: 'No other variables in this result.' });
    return el('dl', {}, ...rows.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', {}, this.value(value))]));
  }

  value(value) {
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    if (!isLink(text)) return text.length > 400 ? `${text.slice(0, 400)}…` : text;
    return el('span', { class: 'resource' },
      el('button', { type: 'button', class: 'iri', title: text, text: shorten(text, this.prefixes), onclick: () => this.onExplore(text) }),
      el('a', { href: text, target: '_blank', rel: 'noopener noreferrer', 'aria-label': `Open ${text}`, text: '↗' }));
  }

  /** The view as a WKT polygon in lon/lat, for a filter. */
  viewWKT() {
    const bounds = this.map.getBounds();
    const west = Math.max(-180, bounds.getWest()).toFixed(4);
    const east = Math.min(180, bounds.getEast()).toFixed(4);
    const south = Math.max(-90, bounds.getSouth()).toFixed(4);
    const north = Math.min(90, bounds.getNorth()).toFixed(4);
    return `POLYGON((${west} ${south}, ${east} ${south}, ${east} ${north}, ${west} ${north}, ${west} ${south}))`;
  }
}

/** Show what colours mean. */
export function drawLegend(scale, format) {
  const box = byId('legend-scale');
  box.replaceChildren();
  if (scale.kind === 'number') {
    const bar = el('div', { class: 'ramp', role: 'img', 'aria-label': `from ${format(scale.low)} to ${format(scale.high)}` });
    bar.style.background = `linear-gradient(90deg, ${[0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1].map((share) => ramp(share, scale.dark))})`;
    box.append(bar,
      el('div', { class: 'ends' },
        el('span', { text: `${scale.clippedLow ? '≤ ' : ''}${format(scale.low)}` }),
        format(scale.low).length < 9 && scale.low < scale.high ? el('span', { text: format(scale.middle) }) : '',
        el('span', { text: `${scale.clippedHigh ? '≥ ' : ''}${format(scale.high)}` })));
  }
  if (scale.kind === 'category') {
    const swatch = (colour) => {
      const made = el('span', { class: 'swatch' });
      made.style.background = colour;
      return made;
    };
    box.append(el('ul', {}, ...scale.entries.map(({ value, colour, count }) =>
      el('li', { title: value }, swatch(colour), el('span', { class: 'name', text: format(value) }), el('span', { class: 'n', text: number.format(count) }))),
    scale.others.count ? el('li', {}, swatch(scale.colour(null)),
      el('span', { class: 'name', text: scale.others.values ? `${number.format(scale.others.values)} more` : 'no value' }),
      el('span', { class: 'n', text: number.format(scale.others.count) })) : null));
  }
}
