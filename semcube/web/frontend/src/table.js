// SPDX-License-Identifier: Apache-2.0
// Solutions as a table: sorted by a click, filtered by a word, a page at a time.
import { el, number } from './dom.js';
import { isGeometry, isLink, isNumeric, isTemporal, milliseconds, shorten } from './terms.js';

const PAGE = 50;
const GEOMETRY_TYPE = /^(?:\s*<[^>]*>)?\s*(?:([A-Za-z]+)|[{<])/;

function geometryName(term) {
  if (term.datatype.endsWith('wktLiteral')) return (GEOMETRY_TYPE.exec(term.value)?.[1] ?? 'empty').toLowerCase();
  const found = /"type"\s*:\s*"(\w+)"|<(?:\w+:)?(\w+)/.exec(term.value);
  return (found?.[1] ?? found?.[2] ?? 'geometry').toLowerCase();
}

/** A long IRI without its middle; the whole is in the title. */
const brief = (text) => (text.length > 44 ? `${text.slice(0, 16)}…${text.slice(-26)}` : text);

function compare(a, b) {
  if (!a || !b) return Number(Boolean(a)) - Number(Boolean(b));
  if (isNumeric(a) && isNumeric(b)) return Number(a.value) - Number(b.value);
  if (isTemporal(a) && isTemporal(b)) return milliseconds(a.value) - milliseconds(b.value);
  return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
}

export class ResultTable {
  /** `onLocate(index)` shows a row on the map; `onExplore(iri)` asks about a resource. */
  constructor(parent, { onLocate, onExplore }) {
    this.parent = parent;
    this.onLocate = onLocate;
    this.onExplore = onExplore;
  }

  show({ variables, rows, prefixes }) {
    Object.assign(this, { variables, rows, prefixes, page: 0, sorted: null, descending: false });
    this.order = rows.map((_, index) => index);
    this.word = '';
    this.filter = el('input', {
      type: 'search', placeholder: 'Filter rows', 'aria-label': 'Filter rows', oninput: () => this.refine(this.filter.value),
    });
    this.pager = el('div', { class: 'pager' });
    this.head = el('tr');
    this.body = el('tbody');
    const table = el('table', {}, el('thead', {}, this.head), this.body);
    this.parent.replaceChildren(
      el('div', { class: 'table-bar' }, this.filter, this.pager),
      el('div', { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Result table' }, table));
    this.draw();
  }

  message(title, detail, kind = 'note') {
    this.parent.replaceChildren(el('div', { class: `message ${kind}`, role: kind === 'error' ? 'alert' : null },
      el('strong', { text: title }), detail ? el('p', { text: detail }) : null));
  }

  refine(word) {
    this.word = word.trim().toLowerCase();
    this.page = 0;
    this.arrange();
  }

  sort(name) {
    this.descending = this.sorted === name ? !this.descending : false;
    this.sorted = name;
    this.arrange();
  }

  arrange() {
    const { rows, word } = this;
    const has = (row) => this.variables.some((name) => row[name]?.value.toLowerCase().includes(word));
    this.order = rows.map((_, index) => index).filter((index) => !word || has(rows[index]));
    if (this.sorted) {
      const sign = this.descending ? -1 : 1;
      this.order.sort((a, b) => sign * compare(rows[a][this.sorted], rows[b][this.sorted]) || a - b);
    }
    this.draw();
  }

  draw() {
    this.head.replaceChildren(el('th', { class: 'count', scope: 'col', text: '#' }), ...this.variables.map((name) => this.heading(name)));
    const start = this.page * PAGE;
    const shown = this.order.slice(start, start + PAGE);
    this.body.replaceChildren(...shown.map((index) => this.row(index)));
    const pages = Math.max(1, Math.ceil(this.order.length / PAGE));
    const turn = (to) => {
      this.page = to;
      this.draw();
      this.parent.querySelector('.table-scroll').scrollTop = 0;
    };
    this.pager.replaceChildren(
      el('span', { text: this.order.length
        ? `${number.format(start + 1)}–${number.format(start + shown.length)} of ${number.format(this.order.length)}` : 'no rows' }),
      el('button', { type: 'button', class: 'icon', 'aria-label': 'Previous page', disabled: this.page === 0, text: '‹', onclick: () => turn(this.page - 1) }),
      el('button', { type: 'button', class: 'icon', 'aria-label': 'Next page', disabled: this.page >= pages - 1, text: '›', onclick: () => turn(this.page + 1) }));
  }

  heading(name) {
    const here = this.sorted === name;
    return el('th', { scope: 'col', class: this.numeric(name) ? 'numeric' : null, 'aria-sort': here ? (this.descending ? 'descending' : 'ascending') : null },
      el('button', { type: 'button', onclick: () => this.sort(name) }, name,
        el('span', { class: 'arrow', 'aria-hidden': 'true', text: here ? (this.descending ? '↓' : '↑') : '' })));
  }

  /** Whether the first bound value of a variable is a number. */
  numeric(name) {
    return isNumeric(this.rows.find((row) => row[name])?.[name]);
  }

  row(index) {
    const row = this.rows[index];
    return el('tr', {}, el('td', { class: 'count', text: number.format(index + 1) }),
      ...this.variables.map((name) => this.cell(row[name], index)));
  }

  cell(term, index) {
    if (!term) return el('td', { class: 'unbound' });
    if (term.type === 'uri') return el('td', {}, this.link(term.value));
    if (term.type === 'bnode') return el('td', { class: 'blank', text: `_:${term.value}` });
    if (isGeometry(term)) {
      return el('td', {}, el('button', {
        type: 'button', class: 'chip', title: term.value.slice(0, 400), onclick: () => this.onLocate(index),
      }, el('span', { class: 'pin', 'aria-hidden': 'true' }), geometryName(term)));
    }
    const numeric = isNumeric(term);
    const text = term.value.length > 300 ? `${term.value.slice(0, 300)}…` : term.value;
    return el('td', { class: numeric ? 'numeric' : null, title: term.datatype ? shorten(term.datatype, this.prefixes) : null },
      el('span', { class: text.length > 44 ? 'text long' : 'text', text }), term['xml:lang'] ? el('span', { class: 'tag', text: term['xml:lang'] }) : null);
  }

  link(iri) {
    const explore = el('button', { type: 'button', class: 'iri', title: iri, text: brief(shorten(iri, this.prefixes)), onclick: () => this.onExplore(iri) });
    if (!isLink(iri)) return explore;
    return el('span', { class: 'resource' }, explore,
      el('a', { href: iri, target: '_blank', rel: 'noopener noreferrer', 'aria-label': `Open ${iri}`, text: '↗' }));
  }
}
