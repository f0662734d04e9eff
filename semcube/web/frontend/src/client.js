// SPDX-License-Identifier: Apache-2.0
// Talks to the endpoint that served the page, and to nothing else.

const SHOWN_BYTES = 96 * 1024 * 1024;

export class EndpointError extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title || `the server answered ${status}`);
    this.title = problem.title || `Status ${status}`;
    this.line = problem.line;
    this.column = problem.column;
    this.status = status;
  }
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { title: response.statusText || 'The server failed' };
  }
}

async function boundedText(response, stop) {
  const decoder = new TextDecoder();
  const parts = [];
  let size = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.byteLength;
    if (size > SHOWN_BYTES) {
      stop();
      throw new EndpointError({
        title: 'Too much to show',
        detail: `The answer is larger than ${SHOWN_BYTES / 1048576} MB. Add a LIMIT, or download it.`,
      }, 200);
    }
    parts.push(decoder.decode(value, { stream: true }));
  }
  parts.push(decoder.decode());
  return parts.join('');
}

async function post(path, fields, accept, signal) {
  const response = await fetch(path, {
    method: 'POST', body: new URLSearchParams(fields), headers: { Accept: accept }, signal,
  });
  if (!response.ok) throw new EndpointError(await problemOf(response), response.status);
  return response;
}

/** Run a query: {kind: 'bindings', variables, rows} | {kind: 'boolean', value} | {kind: 'graph', text}. */
export async function ask(query, controller) {
  const accept = 'application/sparql-results+json, application/n-triples;q=0.9';
  const response = await post('sparql', { query }, accept, controller.signal);
  const text = await boundedText(response, () => controller.abort());
  if ((response.headers.get('content-type') ?? '').startsWith('application/n-triples')) return { kind: 'graph', text };
  const answer = JSON.parse(text);
  if ('boolean' in answer) return { kind: 'boolean', value: answer.boolean };
  return { kind: 'bindings', variables: answer.head.vars, rows: answer.results.bindings };
}

/** The result of a SELECT as GeoJSON in lon/lat; the server has resolved CRS and axis order. */
export async function askFeatures(query, controller) {
  const response = await post('sparql', { query, format: 'geojson' }, 'application/geo+json', controller.signal);
  return JSON.parse(await boundedText(response, () => controller.abort()));
}

/** The plan of a query. */
export async function askPlan(query, controller) {
  return (await post('explain', { query }, 'application/json', controller.signal)).json();
}

/** The result in a format, as a blob to save. */
export async function askFile(query, format, controller) {
  return (await post('sparql', { query, format }, '*/*', controller.signal)).blob();
}

async function get(path) {
  const response = await fetch(path, { headers: { Accept: 'application/json' } });
  if (!response.ok) throw new EndpointError(await problemOf(response), response.status);
  return response.json();
}

/** What is served: counts, prefixes, formats, whether a background map is there. */
export const about = () => get('about');

/** Example queries: [{label, group, query}]. */
export const examples = async () => (await get('examples')).examples;

/** Classes and properties of the store, for completion. */
export const vocabulary = () => get('vocabulary');
