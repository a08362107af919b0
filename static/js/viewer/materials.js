// Materials of the viewer: the shaders with their uniforms.

import * as THREE from "three";

import * as shaders from "./shaders.js";

const program = (vertexShader, fragmentShader, uniforms, options = {}) =>
  new THREE.RawShaderMaterial({
    glslVersion: THREE.GLSL3,
    vertexShader,
    fragmentShader,
    uniforms: Object.fromEntries(Object.entries(uniforms).map(([name, value]) => [name, { value }])),
    ...options,
  });

export const MISSING = -1;

export function pointMaterial(ramps) {
  const material = program(shaders.POINT_VERTEX, shaders.POINT_FRAGMENT, {
    mode: 0,
    size: new THREE.Vector3(2, 1, 40),
    nearness: new THREE.Vector2(30, 0),
    colourRange: new THREE.Vector2(0, 1),
    nothing: -2,
    slice: new THREE.Vector2(-1e30, 1e30),
    sensor: new THREE.Vector3(),
    plain: new THREE.Vector3(0.7, 0.75, 0.82),
    unknown: new THREE.Vector3(),
    right: new THREE.Vector3(),
    ignored: new THREE.Vector3(),
    dimming: 1,
    only: new THREE.Vector2(-1, -1),
    palette: null,
    ramps,
  }, { blending: THREE.NoBlending });
  // What the shader reads where a node has no values yet.
  material.defaultAttributeValues = { first: [MISSING], second: [MISSING] };
  return material;
}

const BACKGROUND = () => ({ sky: new THREE.Vector3(), ground: new THREE.Vector3(), pixels: new THREE.Vector2(1, 1), rim: 0.2 });
const FLAT = { depthTest: false, depthWrite: false, blending: THREE.NoBlending };

export const backgroundMaterial = () => program(shaders.COVER_VERTEX, shaders.BACKGROUND_FRAGMENT, BACKGROUND(), FLAT);

export const lightingMaterial = () =>
  program(shaders.COVER_VERTEX, shaders.LIGHTING_FRAGMENT, {
    ...BACKGROUND(),
    picture: null,
    depths: null,
    planes: new THREE.Vector2(0.1, 1000),
    strength: 0.4,
    radius: 1.4,
  }, FLAT);

export const ringsMaterial = () =>
  program(shaders.RINGS_VERTEX, shaders.RINGS_FRAGMENT, {
    centre: new THREE.Vector2(),
    spacing: 10,
    reach: 100,
    line: new THREE.Vector4(0.6, 0.7, 0.8, 0.35),
  }, {
    transparent: true,
    depthWrite: false,
    side: THREE.DoubleSide,
    blending: THREE.CustomBlending,
    blendSrc: THREE.OneFactor,
    blendDst: THREE.OneMinusSrcAlphaFactor,
  });

// A mesh that covers the picture with `material`.
export function cover(material) {
  const geometry = new THREE.BufferGeometry();
  geometry.setAttribute("position", new THREE.Float32BufferAttribute([-1, -1, 0, 3, -1, 0, -1, 3, 0], 3));
  const mesh = new THREE.Mesh(geometry, material);
  mesh.frustumCulled = false;
  const scene = new THREE.Scene();
  scene.add(mesh);
  return scene;
}

// Everything that the viewer's looks depend on besides the data. Components are shares of full.
export const THEMES = {
  dark: {
    sky: [0.036, 0.043, 0.06],
    ground: [0.078, 0.094, 0.126],
    line: [0.55, 0.68, 0.85, 0.42],
    plain: [0.68, 0.74, 0.82],
    unknown: [0.4, 0.43, 0.48],
    right: [0.27, 0.34, 0.36],
    ignored: [0.19, 0.21, 0.25],
    dimming: 1,
    rim: 0.22,
    words: "#c9d2e0",
    halo: "rgb(8 10 15 / 80%)",
    accent: "#2cc8de",
    divider: "#333c4c",
    badge: "rgb(17 20 27 / 92%)",
    strong: "#e7ebf3",
  },
  light: {
    sky: [0.985, 0.99, 0.998],
    ground: [0.865, 0.89, 0.922],
    line: [0.16, 0.24, 0.36, 0.42],
    plain: [0.3, 0.36, 0.44],
    unknown: [0.62, 0.65, 0.7],
    right: [0.66, 0.72, 0.72],
    ignored: [0.8, 0.82, 0.85],
    dimming: 0.84,
    rim: 0.06,
    words: "#465163",
    halo: "rgb(255 255 255 / 85%)",
    accent: "#076c7e",
    divider: "#c6cdd8",
    badge: "rgb(255 255 255 / 95%)",
    strong: "#10151f",
  },
};
