// SPDX-License-Identifier: Apache-2.0
// The time slider: play, step, and what of the past stays in view.
import { el } from './dom.js';
import { steps, words } from './moments.js';

const FRAME_MS = 700;

export class TimeSlider {
  /** `onChange({from, to} | null)` with milliseconds, `to` exclusive; null shows all times. */
  constructor(parent, onChange) {
    this.parent = parent;
    this.onChange = onChange;
    this.timer = null;
    this.playButton = el('button', { type: 'button', class: 'icon play', onclick: () => (this.timer ? this.pause() : this.play()) });
    this.range = el('input', { type: 'range', min: '0', step: '1', 'aria-label': 'Time', oninput: () => this.go(Number(this.range.value)) });
    this.label = el('output', { class: 'moment' });
    this.mode = el('select', { 'aria-label': 'What to show', onchange: () => this.emit() },
      el('option', { value: 'all', text: 'all times' }), el('option', { value: 'at', text: 'this time' }),
      el('option', { value: 'until', text: 'up to this time' }));
    parent.replaceChildren(
      this.playButton,
      el('button', { type: 'button', class: 'icon', 'aria-label': 'Step back', text: '‹', onclick: () => this.step(-1) }),
      el('button', { type: 'button', class: 'icon', 'aria-label': 'Step on', text: '›', onclick: () => this.step(1) }),
      this.range, this.label, this.mode);
    this.button();
  }

  /** Offer these times (milliseconds); fewer than two distinct ones hide the slider. */
  load(times) {
    this.pause();
    const made = steps(times);
    this.steps = made.steps;
    this.unit = made.unit;
    this.parent.hidden = this.steps.length < 2;
    this.range.max = String(Math.max(0, this.steps.length - 1));
    this.at = this.steps.length - 1;
    this.range.value = String(this.at);
    this.mode.value = 'all';
    if (this.parent.hidden) this.onChange(null);
    else this.emit();
  }

  hide() {
    this.pause();
    this.parent.hidden = true;
    this.onChange(null);
  }

  go(index) {
    this.at = index;
    this.range.value = String(index);
    if (this.mode.value === 'all') this.mode.value = 'at';
    this.emit();
  }

  step(by) {
    this.pause();
    this.go(Math.min(this.steps.length - 1, Math.max(0, this.at + by)));
  }

  play() {
    if (this.at >= this.steps.length - 1) this.at = -1;
    const forward = () => {
      if (this.at >= this.steps.length - 1) return this.pause();
      return this.go(this.at + 1);
    };
    this.timer = setInterval(forward, FRAME_MS);
    this.button();
    forward();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.button();
  }

  button() {
    this.playButton.textContent = this.timer ? '❚❚' : '▶';
    this.playButton.setAttribute('aria-label', this.timer ? 'Pause' : 'Play');
  }

  emit() {
    const step = this.steps[this.at];
    const text = words(step, this.unit);
    const all = this.mode.value === 'all';
    const last = words(this.steps.at(-1), this.unit);
    this.label.textContent = all ? `${words(this.steps[0], this.unit)} – ${last}` : text;
    this.range.setAttribute('aria-valuetext', text);
    if (all) this.onChange(null);
    else this.onChange({ from: this.mode.value === 'at' ? step.start : -8.64e15, to: step.end });
  }
}
