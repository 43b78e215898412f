import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "./build.ts";

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
        const isRoom = imports.has(name);
        if (!isRoom) return `${room} imports ${name}, which is no room`;
        const isAbove = (floorOf.get(name) ?? 0) < (floorOf.get(room) ?? 0);
        if (!isAbove) return [];
        return `${room} imports ${name}, which is on a floor above`;
      }),
    ),
  ];
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

/** What each room imports, types included. */
async function readImports(root: string): Promise<Map<string, string[]>> {
  const imports = new Map<string, string[]>();
  for (const room of (await readdir(root)).sort()) {
    if (!room.endsWith(".ts") || room.endsWith(".test.ts")) continue;
    const source = await readFile(join(root, room), "utf8");
    const names =
      source.match(/(?<=(?:from|import|import\()\s*"\.\/)[^"]+\.ts(?=")/g) ??
      [];
    imports.set(room, [...new Set(names)]);
  }
  return imports;
}

if (import.meta.main) {
  const faults = await findFaults(process.argv[2] ?? ROOT);
  for (const fault of faults) console.error(`The house: ${fault}.`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
