import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import {
  isStringLiteralLikeNode,
  isTemplateHead,
  type Node,
} from "typescript/unstable/ast";
import { API } from "typescript/unstable/async";
import manifest from "../package.json" with { type: "json" };
import { ROOT } from "./build.ts";

const PACKAGES = Object.keys(manifest.dependencies).join("|");

/** What a room may import beside rooms. */
const OTHERS = new RegExp(`^(package\\.json|node:.*|(${PACKAGES})(/.*)?)$`);

/** What is wrong with the house in a folder, a sentence each. */
async function findFaults(root: string): Promise<string[]> {
  const floorOf = await readFloors(root);
  const imports = await readImports(root);
  const homeless = new Set(imports.keys()).difference(floorOf);
  const gone = new Set(floorOf.keys()).difference(imports);
  return [
    ...[...homeless].map((room) => `${room} is on no floor of CONTRIBUTING.md`),
    ...[...gone].map(
      (room) => `CONTRIBUTING.md names ${room}, which is not there`,
    ),
    ...[...imports].flatMap(([room, names]) =>
      names.flatMap((name) => {
        const floor = floorOf.get(name);
        const said = `${room} imports ${name}, which`;
        if (floor === undefined) {
          return OTHERS.test(name) ? [] : `${said} is no room`;
        }
        const isAbove = floor < (floorOf.get(room) ?? 0);
        if (isAbove) return `${said} is on a floor above`;
        return reach(name, imports).has(room) ? `${said} leads back to it` : [];
      }),
    ),
  ];
}

/** Every room that one imports, directly or by way of others. */
function reach(
  room: string,
  imports: Map<string, string[]>,
  seen = new Set<string>(),
): Set<string> {
  for (const name of imports.get(room) ?? []) {
    if (!seen.has(name)) reach(name, imports, seen.add(name));
  }
  return seen;
}

/** The rooms in the table of CONTRIBUTING.md; the highest floor is 0. */
async function readFloors(root: string): Promise<Map<string, number>> {
  const text = await readFile(join(root, "CONTRIBUTING.md"), "utf8");
  const table = /\n\| floor \|[^\n]*\n\|[-| ]+\n((?:\|.*\n)+)/.exec(text)?.[1];
  const rows = table?.trim().split("\n") ?? [];
  return new Map(
    rows.flatMap((row, floor) => {
      const rooms = row.split("|")[2]?.match(/(?<=`)[\w-]+\.ts(?=`)/g) ?? [];
      return rooms.map((room) => [room, floor] as const);
    }),
  );
}

/** What each room imports, types included; a file beside it by its name. */
async function readImports(root: string): Promise<Map<string, string[]>> {
  const imports = new Map<string, string[]>();
  const rooms = (await readdir(root)).filter(
    (name) => /\.[cm]?[jt]sx?$/i.test(name) && !name.endsWith(".test.ts"),
  );
  const toFile = (room: string) => ({
    uri: pathToFileURL(join(root, room)).href,
  });
  const api = new API();
  const snapshot = await api.updateSnapshot({ openFiles: rooms.map(toFile) });
  for (const room of rooms.sort()) {
    const project = await snapshot.getDefaultProjectForFile(toFile(room));
    const source = await project?.program.getSourceFile(toFile(room));
    if (!source) throw new Error(`TypeScript does not read ${room}.`);
    const specifiers = source.imports.filter(isStringLiteralLikeNode);
    const names = [...specifiers.map(({ text }) => text), ...listPaths(source)];
    const short = names.map((name) =>
      name.replace(/^\.\/(?=[\w-]+\.\w+$)/, ""),
    );
    imports.set(room, [...new Set(short)]);
  }
  await api.close();
  return imports;
}

/** Texts like a path of code: what `require` names, or a path in two parts. */
function listPaths(node: Node): string[] {
  const paths: string[] = [];
  const isText = isStringLiteralLikeNode(node) || isTemplateHead(node);
  if (isText && /^\.\.?\/|\.[cm]?[jt]sx?$/.test(node.text))
    paths.push(node.text);
  node.forEachChild((child) => {
    paths.push(...listPaths(child));
  });
  return paths;
}

if (import.meta.main) {
  const faults = await findFaults(process.argv[2] ?? ROOT);
  for (const fault of faults) console.error(`The house: ${fault}.`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
