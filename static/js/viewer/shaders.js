// The programs of the graphics card. Colours are written as they shall appear: no colour management in between.

// One program for all colour modes, so that switching is a uniform and compiles nothing. modelMatrix takes the words of
// a record to metres relative to the floating origin; three multiplies it with the view in float64 before it is
// rounded, so points far from the world's origin do not jitter.
export const POINT_VERTEX = `
precision highp float;
precision highp int;
uniform mat4 modelMatrix;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
uniform int mode;
uniform vec3 size;        // pixels: at the reference distance, smallest, largest
uniform vec2 nearness;    // reference distance in metres, exponent of the attenuation
uniform vec2 colourRange; // in the unit of the mode; scalars in stored steps
uniform float nothing;    // the stored step that means "no value"
uniform vec2 slice;       // lowest and highest z, relative to the origin
uniform vec3 sensor;
uniform vec3 plain;
uniform vec3 unknown;     // of points without a value
uniform vec3 right;       // of points whose prediction is right
uniform vec3 ignored;     // of points that are not judged
uniform float dimming;
uniform vec2 only;        // the values of first and second that are looked for; below 0: nothing is
uniform sampler2D palette;
uniform sampler2D ramps;
in vec4 record;
in float first;
in float second;
flat out vec3 colour;
flat out float roundness;

const vec3 WRONG = vec3(1.0, 0.18, 0.16);
const vec3 RIGHT_ONES = vec3(0.31, 0.84, 0.55);

vec3 ramp(float value, float row) {
  float share = clamp((value - colourRange.x) / max(colourRange.y - colourRange.x, 1e-9), 0.0, 1.0);
  return texture(ramps, vec2((share * 255.0 + 0.5) / 256.0, row)).rgb * dimming;
}

vec4 judged(float truth, float prediction) {
  vec4 own = texelFetch(palette, ivec2(int(truth), 0), 0);
  if (second < 0.0) return vec4(unknown, own.a);
  if (texelFetch(palette, ivec2(int(truth), 1), 0).r > 0.5) return vec4(ignored, own.a);
  return vec4(truth == prediction ? right : WRONG, own.a);
}

bool looking() {
  return only.x >= 0.0 && (mode == 5 || mode == 6);
}

bool wanted() {
  return first == only.x && second == only.y;
}

vec4 colourOf(vec3 place) {
  if (looking()) {
    if (!wanted()) return vec4(ignored, 1.0);
    if (mode == 6) return vec4(first == second ? RIGHT_ONES : WRONG, 1.0);
  }
  if (mode == 0) return vec4(plain, 1.0);
  if (mode == 1) return vec4(ramp(place.z, 0.25), 1.0);
  if (mode == 2) return vec4(ramp(record.w, 0.25), 1.0);
  if (mode == 3) return vec4(ramp(distance(place, sensor), 0.25), 1.0);
  if (first < 0.0) return vec4(unknown, 1.0);
  if (mode == 5) return texelFetch(palette, ivec2(int(first), 0), 0) * vec4(vec3(dimming), 1.0);
  if (mode == 6) return judged(first, second);
  if (first == nothing) return vec4(unknown, 1.0);
  return vec4(ramp(first, mode == 7 ? 0.75 : 0.25), 1.0);
}

void main() {
  vec3 place = (modelMatrix * vec4(record.xyz, 1.0)).xyz;
  vec4 shown = colourOf(place);
  gl_Position = projectionMatrix * modelViewMatrix * vec4(record.xyz, 1.0);
  float pixels = size.x * pow(nearness.x / max(gl_Position.w, 0.01), nearness.y);
  // What is looked for stands out; the rest is there for orientation only.
  if (looking()) pixels *= wanted() ? 1.7 : 0.75;
  gl_PointSize = clamp(pixels, size.y, size.z);
  // A disc of fewer pixels than this is ragged; a square is not.
  roundness = gl_PointSize >= 3.0 ? 0.25 : 1.0;
  colour = shown.rgb;
  if (shown.a < 0.5 || place.z < slice.x || place.z > slice.y) gl_Position = vec4(0.0, 0.0, 2.0, 1.0);
}
`;

export const POINT_FRAGMENT = `
precision mediump float;
flat in vec3 colour;
flat in float roundness;
out vec4 result;
void main() {
  vec2 off = gl_PointCoord - 0.5;
  if (dot(off, off) > roundness) discard;
  result = vec4(colour, 1.0);
}
`;

// A triangle that covers the picture.
export const COVER_VERTEX = `
precision highp float;
in vec3 position;
out vec2 at;
void main() {
  at = position.xy * 0.5 + 0.5;
  gl_Position = vec4(position.xy, 0.0, 1.0);
}
`;

// Brighter towards the horizon and darker at the rim: a calm depth behind the points. The even noise of
// less than a step (multiples of two irrational numbers) keeps the gradient from banding.
const BACKGROUND = `
uniform vec3 sky;
uniform vec3 ground;
uniform vec2 pixels;
uniform float rim;
vec3 background(vec2 at) {
  vec3 shade = mix(ground, sky, smoothstep(0.0, 1.0, at.y));
  shade *= 1.0 - rim * smoothstep(0.35, 0.85, distance(at, vec2(0.5, 0.55)));
  float noise = fract(dot(floor(at * pixels), vec2(0.7548777, 0.5698403)));
  return shade + (noise - 0.5) / 255.0;
}
`;

export const BACKGROUND_FRAGMENT = `
precision highp float;
${BACKGROUND}
in vec2 at;
out vec4 result;
void main() {
  result = vec4(background(at), 1.0);
}
`;

// Eye-dome lighting (C. Boucheny, "Visualisation scientifique de grands volumes de donnees", 2009): a pixel is the
// darker, the farther it lies behind its neighbours. Two rings of neighbours: the near one draws edges, the wide one
// the hollows between things.
export const LIGHTING_FRAGMENT = `
precision highp float;
precision highp sampler2D;
${BACKGROUND}
uniform sampler2D picture;
uniform sampler2D depths;
uniform vec2 planes; // near and far
uniform float strength;
uniform float radius;
in vec2 at;
out vec4 result;

float logDepth(vec2 place) {
  float depth = texture(depths, place).r;
  if (depth >= 1.0) return -1.0;
  return log2(planes.x * planes.y / (planes.y - depth * (planes.y - planes.x)));
}

float behind(vec2 step, float own) {
  float other = logDepth(at + step);
  return other < 0.0 ? 0.0 : clamp(own - other, 0.0, 0.6);
}

float shading(float own) {
  vec2 near = radius / pixels;
  vec2 slant = near * 0.7071;
  float sum = behind(vec2(near.x, 0.0), own) + behind(vec2(-near.x, 0.0), own)
    + behind(vec2(0.0, near.y), own) + behind(vec2(0.0, -near.y), own)
    + behind(slant, own) + behind(-slant, own)
    + behind(vec2(slant.x, -slant.y), own) + behind(vec2(-slant.x, slant.y), own);
  vec2 wide = slant * 3.2;
  float hollow = behind(wide, own) + behind(-wide, own)
    + behind(vec2(wide.x, -wide.y), own) + behind(vec2(-wide.x, wide.y), own);
  return exp(-strength * (sum / 8.0 * 26.0 + hollow / 4.0 * 5.0));
}

void main() {
  vec4 own = texture(picture, at);
  float depth = logDepth(at);
  float light = depth < 0.0 || strength <= 0.0 ? 1.0 : max(shading(depth), 0.12);
  result = vec4(own.rgb * light + background(at) * (1.0 - own.a), 1.0);
}
`;

// Range rings are drawn by a square on the ground that finds the rings in each of its pixels: smooth at any distance.
export const RINGS_VERTEX = `
precision highp float;
uniform mat4 modelMatrix;
uniform mat4 modelViewMatrix;
uniform mat4 projectionMatrix;
in vec3 position;
out vec2 place;
void main() {
  place = (modelMatrix * vec4(position, 1.0)).xy;
  gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
}
`;

export const RINGS_FRAGMENT = `
precision highp float;
uniform vec2 centre;
uniform float spacing;
uniform float reach;
uniform vec4 line;
in vec2 place;
out vec4 result;
void main() {
  float away = distance(place, centre);
  float rings = away / spacing;
  float width = max(fwidth(rings), 1e-6);
  float off = abs(fract(rings + 0.5) - 0.5);
  float ring = 1.0 - smoothstep(0.6, 1.5, off / width);
  float strong = mod(floor(rings + 0.5), 5.0) < 0.5 ? 1.0 : 0.55;
  // Rings that lie closer than a few pixels would be a grey plane.
  float alpha = line.a * ring * strong * (1.0 - smoothstep(0.12, 0.4, width)) * (1.0 - smoothstep(0.8, 1.0, away / reach));
  if (alpha < 0.01 || rings < 0.5) discard;
  result = vec4(line.rgb * alpha, alpha);
}
`;
