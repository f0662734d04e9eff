// SPDX-License-Identifier: Apache-2.0
// The HTTP API as a page, drawn from openapi.json.
import './api.css';
import { byId, el } from './dom.js';

const ORDER = ['get', 'head', 'post', 'put', 'delete', 'options'];

function parameters(operation) {
  const listed = operation.parameters ?? [];
  if (!listed.length) return null;
  return el('table', {}, el('thead', {}, el('tr', {}, ...['Parameter', 'In', 'Meaning'].map((text) => el('th', { scope: 'col', text })))),
    el('tbody', {}, ...listed.map((item) => el('tr', {},
      el('td', {}, el('code', { text: item.name }), item.required ? ' (required)' : ''), el('td', { text: item.in }), el('td', { text: item.description ?? '' })))));
}

function contents(title, given) {
  const types = Object.keys(given ?? {});
  return types.length ? el('p', {}, el('strong', { text: `${title}: ` }), types.join(', ')) : null;
}

function responses(operation) {
  return el('table', {}, el('thead', {}, el('tr', {}, ...['Status', 'Meaning', 'Media types'].map((text) => el('th', { scope: 'col', text })))),
    el('tbody', {}, ...Object.entries(operation.responses ?? {}).map(([status, item]) => el('tr', {},
      el('td', {}, el('code', { text: status })), el('td', { text: item.description ?? '' }), el('td', { text: Object.keys(item.content ?? {}).join(', ') })))));
}

function operationOf(path, method, operation) {
  return el('details', { class: 'operation' },
    el('summary', {}, el('span', { class: `method ${method}`, text: method.toUpperCase() }), el('code', { text: path }),
      el('span', { class: 'said', text: operation.summary ?? '' })),
    el('div', { class: 'body' }, el('p', { text: operation.description ?? operation.summary ?? '' }), parameters(operation),
      contents('Body', operation.requestBody?.content), responses(operation)));
}

async function start() {
  const described = await (await fetch('openapi.json')).json();
  const groups = new Map();
  for (const [path, methods] of Object.entries(described.paths)) {
    for (const method of ORDER.filter((name) => methods[name])) {
      const tag = methods[method].tags?.[0] ?? 'More';
      groups.set(tag, [...(groups.get(tag) ?? []), operationOf(path, method, methods[method])]);
    }
  }
  byId('operations').replaceChildren(
    el('h1', { text: `${described.info.title} ${described.info.version}` }), el('p', { text: described.info.description ?? '' }),
    ...[...groups].flatMap(([tag, operations]) => [el('h2', { text: tag }), ...operations]));
  window.semcube = { state: { status: 'done', operations: document.querySelectorAll('.operation').length } };
}

start().catch((error) => byId('operations').replaceChildren(el('p', { class: 'message error', text: error.message })));
