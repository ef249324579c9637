// Exports as packages of npm read them: node export_npm.js FOLDER, with the packages found through NODE_PATH. Prints "NAME TOTAL" of what
// each package says, or what is wrong.
const fs = require('fs');
const folder = process.argv[2];

const tried = {
  'pprof-format': () => {
    const { Profile } = require('pprof-format');
    const profile = Profile.decode(require('zlib').gunzipSync(fs.readFileSync(folder + '/pprof')));
    const text = (at) => profile.stringTable.strings[Number(at)];
    const at = profile.sampleType.findIndex((type) => text(type.type) === 'inuse_space');
    const known = new Set(profile.location.map((location) => String(location.id)));
    for (const sample of profile.sample)
      for (const id of sample.locationId)
        if (!known.has(String(id))) throw new Error('location ' + id);
    return profile.sample.reduce((sum, sample) => sum + Number(sample.value[at]), 0);
  },
  // the schema that speedscope ships is what its importer is made for; weights are summed as it does
  'speedscope': () => {
    const scope = JSON.parse(fs.readFileSync(folder + '/speedscope'));
    const schema = JSON.parse(fs.readFileSync(require.resolve('speedscope/dist/release/file-format-schema.json')));
    check(schema, schema, scope, '');
    const frames = scope.shared.frames.length;
    for (const profile of scope.profiles) {
      if (profile.samples.length !== profile.weights.length) throw new Error('weights of ' + profile.name);
      for (const stack of profile.samples)
        for (const frame of stack) if (!(frame < frames)) throw new Error('frame ' + frame);
    }
    return scope.profiles[0].weights.reduce((sum, weight) => sum + weight, 0);
  },
  'stackvis': () => new Promise((resolve, reject) => {
    const { readerLookup } = require('stackvis');
    const quiet = { info() {}, debug() {}, trace() {}, warn: reject, error: reject };
    const reader = new (readerLookup('collapsed'))(fs.createReadStream(folder + '/folded'), quiet);
    let sum = 0;
    reader.on('stack', (stack, count) => { sum += count; });
    reader.on('end', () => resolve(sum));
  }),
};

// As much of JSON Schema as that of speedscope uses.
function check(root, schema, value, path) {
  if (schema.$ref)
    return check(root, schema.$ref.replace('#/', '').split('/').reduce((at, name) => at[name], root), value, path);
  if (schema.anyOf) {
    const reasons = schema.anyOf.map((one) => { try { check(root, one, value, path); } catch (error) { return error; } });
    if (reasons.every((reason) => reason)) throw reasons[0];
    return;
  }
  const is = Array.isArray(value) ? 'array' : typeof value;
  const types = [].concat(schema.type || is);
  if (!types.includes(is) && !(types.includes('integer') && Number.isInteger(value)))
    throw new Error(path + ' is of type ' + is + ', not ' + types);
  if (schema.enum && !schema.enum.includes(value)) throw new Error(path + ' is ' + value + ', not of ' + schema.enum);
  for (const name of schema.required || [])
    if (!(name in value)) throw new Error(path + ' has no ' + name);
  for (const name of Object.keys(schema.properties || {}))
    if (is === 'object' && name in value) check(root, schema.properties[name], value[name], path + '/' + name);
  if (is === 'array' && schema.items && !Array.isArray(schema.items))
    value.forEach((item, at) => check(root, schema.items, item, path + '/' + at));
}

(async () => {
for (const name of Object.keys(tried)) {
  try {
    console.log(name, await tried[name]());
  } catch (error) {
    console.log(name, 'failed:', error.message);
    process.exitCode = 1;
  }
}
})();
