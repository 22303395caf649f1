/** Asks again and again while a tab is looked at, and says so where nobody answers. */

import {failure} from "./alert.js";

export class Poll {
  /**
   * @param {() => Promise<void>} work one round; a next one begins only after it
   * @param {number} every milliseconds between rounds
   * @param {HTMLElement} notice says what went wrong with the last round
   */
  constructor(work, every, notice) {
    this.work = work;
    this.every = every;
    this.notice = notice;
    this.wanted = false;
    this.busy = false;
    this.timer = 0;
    document.addEventListener("visibilitychange", () => this.round());
  }

  start() {
    this.wanted = true;
    this.round();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.timer);
  }

  async round() {
    clearTimeout(this.timer);
    if (!this.wanted || this.busy || document.hidden) return;
    this.busy = true;
    try {
      await this.work();
      this.say("");
    } catch (error) {
      this.say(`${failure(error).title}. The figures below are old; asking again.`);
    } finally {
      this.busy = false;
      if (this.wanted) this.timer = setTimeout(() => this.round(), this.every);
    }
  }

  /** @param {string} text said once, not at every round */
  say(text) {
    if (this.notice.textContent === text) return;
    this.notice.textContent = text;
    this.notice.classList.toggle("loud", text !== "");
  }
}
