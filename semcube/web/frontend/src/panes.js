// SPDX-License-Identifier: Apache-2.0
// Tabs and the divider between question and map.
import { byId } from './dom.js';

const NARROW = matchMedia('(max-width: 999px)');

/** Tabs; on wide screens the map is always there and its tab is hidden by the style sheet. */
export function makeTabs(onShow) {
  const tabs = [...document.querySelectorAll('[role=tab]')];
  const main = document.querySelector('main');
  const show = (pane) => {
    main.dataset.pane = pane;
    for (const tab of tabs) {
      const here = tab.dataset.pane === pane;
      tab.setAttribute('aria-selected', String(here));
      tab.tabIndex = here ? 0 : -1;
    }
    byId('pane-table').hidden = pane === 'plan' || (pane === 'map' && NARROW.matches);
    byId('pane-plan').hidden = pane !== 'plan';
    onShow(pane);
  };
  const offered = () => tabs.filter((tab) => tab.offsetParent !== null);
  for (const tab of tabs) {
    tab.addEventListener('click', () => show(tab.dataset.pane));
    tab.addEventListener('keydown', (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const list = offered();
      const to = list[(list.indexOf(tab) + by + list.length) % list.length];
      show(to.dataset.pane);
      to.focus();
    });
  }
  NARROW.addEventListener('change', () => show(NARROW.matches || main.dataset.pane !== 'map' ? main.dataset.pane : 'table'));
  return { show, showMap: () => NARROW.matches && show('map') };
}

/** Drag or use the arrow keys to share the width between the two columns. */
export function makeDivider(divider) {
  const main = document.querySelector('main');
  const set = (percent) => {
    const share = Math.min(75, Math.max(25, percent));
    main.style.setProperty('--ask-width', `${share}%`);
    divider.setAttribute('aria-valuenow', String(Math.round(share)));
  };
  const now = () => Number(divider.getAttribute('aria-valuenow'));
  divider.addEventListener('keydown', (event) => {
    const by = { ArrowLeft: -3, ArrowRight: 3 }[event.key];
    if (by) set(now() + by);
  });
  divider.addEventListener('pointerdown', (event) => {
    divider.setPointerCapture(event.pointerId);
    const move = ({ clientX }) => set((clientX / main.clientWidth) * 100);
    divider.addEventListener('pointermove', move);
    divider.addEventListener('pointerup', () => divider.removeEventListener('pointermove', move), { once: true });
  });
}
