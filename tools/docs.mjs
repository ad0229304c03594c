#!/usr/bin/env node
/**
 * `npm run docs`: docs/reference from the docstrings of what the packages for users export. With `--check` nothing is written; it ends
 * with 1 and says which pages are stale. What is exported needs a docstring: one that is missing is an error.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Application, TSConfigReader } from "typedoc";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const PAGES = [
  { folder: "client", name: "@millrace/client", what: "typed, signed, retrying calls" },
  { folder: "producer", name: "@millrace/producer", what: "batched, aggregated, ordered puts" },
  { folder: "consumer", name: "@millrace/consumer", what: "leases, checkpoints, retrieval" },
  { folder: "millrace", name: "millrace", what: "a server inside of tests" },
];
const REFERENCE = "docs/reference";
const isCheck = process.argv.includes("--check");

const scratch = mkdtempSync(join(tmpdir(), "millrace-docs-"));
try {
  const pages = new Map([["README.md", contents()]]);
  for (const page of PAGES) pages.set(`${page.folder}.md`, await pageOf(page));
  mkdirSync(REFERENCE, { recursive: true });
  const present = new Map(
    readdirSync(REFERENCE).map((name) => [name, readFileSync(join(REFERENCE, name), "utf8")]),
  );
  const stale = [...new Set([...pages.keys(), ...present.keys()])].filter(
    (name) => pages.get(name) !== present.get(name),
  );
  if (isCheck) {
    for (const name of stale) console.error(`${REFERENCE}/${name} is stale: run "npm run docs"`);
    if (stale.length > 0) process.exitCode = 1;
  } else {
    for (const name of stale) {
      const path = join(REFERENCE, name);
      if (pages.has(name)) writeFileSync(path, pages.get(name));
      else rmSync(path);
      console.log(`${path}: ${pages.has(name) ? "written" : "removed"}`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true });
}

function contents() {
  const lines = PAGES.map(({ folder, name, what }) => `- [${name}](${folder}.md): ${what}`);
  return `# Reference\n\nMade from the docstrings by \`npm run docs\`; \`npm run lint\` says when it is stale.\n\n${lines.join("\n")}\n`;
}

async function pageOf({ folder, name }) {
  const out = join(scratch, folder);
  const application = await Application.bootstrapWithPlugins(
    {
      name,
      entryPoints: [`packages/${folder}/src/index.ts`],
      // The build has checked everything, with a newer compiler than the one that the pages are made with.
      tsconfig: `packages/${folder}/tsconfig.json`,
      skipErrorChecking: true,
      preservedTypeAnnotationTags: ["@throws"],
      plugin: ["typedoc-plugin-markdown"],
      logLevel: "Warn",
      readme: "none",
      out,
      router: "module",
      entryFileName: `${folder}.md`,
      // Line numbers would make every page stale with every change.
      disableSources: true,
      excludeExternals: true,
      excludeInternal: true,
      excludePrivate: true,
      hideBreadcrumbs: true,
      hidePageHeader: true,
      useCodeBlocks: true,
      parametersFormat: "table",
      interfacePropertiesFormat: "table",
      classPropertiesFormat: "table",
      typeAliasPropertiesFormat: "table",
      typeDeclarationFormat: "table",
      propertyMembersFormat: "table",
      tableColumnSettings: {
        hideModifiers: true,
        hideInherited: true,
        hideOverrides: true,
        hideSources: true,
      },
      sort: ["kind", "source-order"],
      kindSortOrder: ["Function", "Interface", "TypeAlias", "Class", "Variable"],
      groupOrder: ["Functions", "Interfaces", "Type Aliases", "Classes", "Variables"],
      requiredToBeDocumented: ["Function", "Interface", "TypeAlias", "Class", "Variable"],
      // What a type is made of need not be exported to be understood.
      validation: { notDocumented: true, invalidLink: true, notExported: false },
    },
    [new TSConfigReader()],
  );
  const project = await application.convert();
  if (project === undefined) throw new Error(`${name} cannot be read`);
  application.validate(project);
  if (application.logger.hasErrors() || application.logger.hasWarnings()) {
    process.exitCode = 1;
    console.error(`${name}: see above`);
  }
  for (const { comment } of Object.values(project.reflections)) {
    // Which error it is stands in braces, which the pages would leave out.
    for (const { tag, typeAnnotation, content } of comment?.blockTags ?? []) {
      const error = typeAnnotation?.replace(/^\{|\}$/g, "");
      if (tag === "@throws" && error)
        content.unshift({ kind: "code", text: `\`${error}\`` }, { kind: "text", text: " " });
    }
  }
  await application.generateOutputs(project);
  return readFileSync(join(out, `${folder}.md`), "utf8");
}
