// A chunk on the graphics card: once in memory, drawn in each view.

import * as THREE from "three";

// Rows of the matrix that takes a record's words to metres relative to `origin`; the differences are float64.
function placement(chunk, origin) {
  const [x, y, z] = chunk.lo.map((value, axis) => value - origin[axis]);
  const [sx, sy, sz] = chunk.scale;
  return new THREE.Matrix4().set(sx, 0, 0, x, 0, sy, 0, y, 0, 0, sz, z, 0, 0, 0, 1);
}

export class Block {
  // `node`: {number, firstPoint, bounds} in an octree, else null.
  constructor(chunk, node = null) {
    this.chunk = chunk;
    this.node = node;
    this.count = chunk.count;
    this.values = new Map(); // attribute name -> typed array
    this.buffers = new Map(); // attribute name -> three's attribute over the same values
    this.objects = [];
    this.lastUsed = 0;
    this.records = new THREE.InterleavedBuffer(chunk.records, 4);
    this.bytes = chunk.records.byteLength;
    this.matrix = new THREE.Matrix4();
  }
  // The parts of this block in each scene share all buffers, and differ in the two attributes that colour them.
  addTo(scenes, materials) {
    this.objects = scenes.map((scene, view) => {
      const geometry = new THREE.BufferGeometry();
      geometry.setAttribute("record", new THREE.InterleavedBufferAttribute(this.records, 4, 0));
      const points = new THREE.Points(geometry, materials[view]);
      points.frustumCulled = false; // three would compute bounds from an attribute that is not there
      points.matrixAutoUpdate = false;
      points.visible = false;
      scene.add(points);
      return points;
    });
  }
  setOrigin(origin) {
    this.matrix.copy(placement(this.chunk, origin));
    for (const points of this.objects) {
      points.matrix.copy(this.matrix);
      points.matrixWorldNeedsUpdate = true;
    }
  }
  setValues(name, values) {
    this.bytes += values.byteLength - (this.values.get(name)?.byteLength ?? 0);
    this.values.set(name, values);
    this.buffers.set(name, new THREE.BufferAttribute(values, 1));
  }
  removeValues(name) {
    this.bytes -= this.values.get(name)?.byteLength ?? 0;
    this.values.delete(name);
    this.buffers.delete(name);
  }
  // Names the attributes that colour the block in a view. The buffers stay where they are.
  bind(view, names) {
    if (!this.objects[view]) return; // dropped since
    const { geometry } = this.objects[view];
    for (const [slot, name] of Object.entries(names)) {
      const wanted = this.buffers.get(name);
      if (geometry.attributes[slot] === wanted) continue;
      if (wanted) geometry.setAttribute(slot, wanted);
      else geometry.deleteAttribute(slot);
    }
  }
  show(view, start, count) {
    const points = this.objects[view];
    if (!points) return;
    points.visible = count > 0;
    points.geometry.setDrawRange(start, count);
  }
  dispose() {
    for (const points of this.objects) {
      points.removeFromParent();
      points.geometry.dispose();
    }
    this.objects = [];
    this.values.clear();
    this.buffers.clear();
  }
}
