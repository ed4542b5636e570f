/** Where the rows of a list are: their heights and offsets in pixels, without a document. */

export class RowLayout {
  /** Height of a row unless another was measured. */
  rowHeight = 24;
  /** @type {number[]} ids of the rows, in order */
  #ids = [];
  /** Offsets of the rows, and the height of all. */
  #offsets = new Float64Array(1);
  /** @type {Map<number, number>} measured heights by id */
  #heights = new Map();

  /** @param {number[]} ids of all rows, in order */
  set ids(ids) {
    this.#ids = ids;
    this.#update();
  }

  get height() {
    return this.#offsets[this.#ids.length];
  }

  /** @param {number} index */
  idAt(index) {
    return this.#ids[index];
  }

  /** @param {number} index */
  offsetOf(index) {
    return this.#offsets[index];
  }

  /** The index of the row at a position, the number of rows if it is below all. @param {number} position */
  indexAt(position) {
    let low = 0;
    let high = this.#ids.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#offsets[middle + 1] <= position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Note measured heights by id. @param {Map<number, number>} heights @returns {boolean} whether one differs */
  measure(heights) {
    const changed = [...heights].filter(([id, height]) => height !== (this.#heights.get(id) ?? this.rowHeight));
    for (const [id, height] of changed) this.#heights.set(id, height);
    if (changed.length) this.#update();
    return changed.length > 0;
  }

  /** Forget the height of a row, or of all. @param {number} [id] */
  forget(id) {
    if (id === undefined) this.#heights.clear();
    else this.#heights.delete(id);
    this.#update();
  }

  #update() {
    const ids = this.#ids;
    const offsets = new Float64Array(ids.length + 1);
    const isEven = !this.#heights.size;
    for (let i = 0; i < ids.length; i++) {
      const height = isEven ? this.rowHeight : this.#heights.get(ids[i]) ?? this.rowHeight;
      offsets[i + 1] = offsets[i] + height;
    }
    this.#offsets = offsets;
  }
}
