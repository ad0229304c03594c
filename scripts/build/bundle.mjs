// Joins the program into a few files, because a start is mostly the loading of modules: three hundred of them take longer
// than everything that the server does before its first answer. `packages/millrace/src/main.ts` runs the result as long as no
// package was built after it; otherwise the modules themselves run.
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";
import { bundledProgram, stampOf } from "../../packages/millrace/dist/bundle.js";

const packages = new URL("../../packages/", import.meta.url);
const target = new URL("millrace/bundle/", packages);

const bundle = await rolldown({
  input: { program: fileURLToPath(new URL("millrace/src/program.ts", packages)) },
  platform: "node",
  // Only servers of a cluster load it, and it is not ours to take apart.
  external: [/^@nats-io\//],
  // From the sources: stack traces then lead to them.
  resolve: { conditionNames: ["@millrace/source", "node", "import", "default"] },
  plugins: [filesNamedByUrl()],
  onLog(level, log) {
    throw new Error(`${level}: ${log.message}`);
  },
});
rmSync(target, { recursive: true, force: true });
await bundle.write({
  // All in one directory, on the level of `src` and `dist`, so that a file that is named from there is found from here.
  dir: fileURLToPath(target),
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "[name].js",
  // Measured: it would save less than a hundredth of a second, and profiles and stack traces would lose their names.
  minify: false,
  sourcemap: true,
  sourcemapExcludeSources: true,
});
await bundle.close();

const builtFrom = Object.fromEntries(
  readdirSync(packages).map((name) => {
    const path = `../../${name}/tsconfig.tsbuildinfo`;
    return [path, stampOf(new URL(path, target))];
  }),
);
writeFileSync(new URL("built-from.json", target), `${JSON.stringify(builtFrom, undefined, 2)}\n`);
if (bundledProgram(target) === undefined)
  throw new Error("the program would not take this bundle for its own");

/** A worker is named by `new URL("./name.js", import.meta.url)`: it becomes a file of the bundle under that name. */
function filesNamedByUrl() {
  return {
    name: "files-named-by-url",
    transform(code, id) {
      for (const [, path] of code.matchAll(/new URL\(\s*["'](\.\.?\/[^"']*\.js)["'],\s*import\.meta\.url/g)) {
        if (path !== `./${basename(path)}`)
          throw new Error(`${id} names ${path}, which would not lie beside it`);
        const source = resolve(dirname(id), path.replace(/\.js$/, ".ts"));
        this.emitFile({ type: "chunk", id: source, fileName: basename(path) });
      }
    },
  };
}
