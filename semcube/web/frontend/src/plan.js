// SPDX-License-Identifier: Apache-2.0
// The plan of a query, as the server explains it.
import { el } from './dom.js';

/** Show the text of the plan, and its data folded below. */
export function drawPlan(parent, plan) {
  parent.replaceChildren(
    el('pre', { class: 'plan', tabindex: '0', text: plan.text ?? '' }),
    el('details', {}, el('summary', { text: 'As data (JSON)' }), el('pre', { tabindex: '0', text: JSON.stringify(plan.plan ?? plan, null, 2) })));
}
