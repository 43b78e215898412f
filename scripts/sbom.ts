import { join } from "node:path";
import {
  Contrib,
  Enums,
  Models,
  Serialize,
  Spec,
} from "@cyclonedx/cyclonedx-library";
import manifest from "../package.json" with { type: "json" };
import { ROOT, run, startFolder } from "./build.ts";

/**
 * What is inside the program, as CycloneDX: the packages that the bundler took
 * in, no more and no less, and Bun's runtime. The same text each time.
 */
export async function toSbom(repository: string): Promise<string> {
  const bom = new Models.Bom();
  const program = toComponent(
    { ...manifest, repository: { url: `https://github.com/${repository}` } },
    Enums.ComponentType.Application,
  );
  bom.metadata.component = program;
  const packages = new Map(
    (await readPackages()).map((data) => [data, toComponent(data)]),
  );
  for (const [{ dependencies = {} }, component] of packages) {
    for (const [{ name }, { bomRef }] of packages) {
      if (Object.hasOwn(dependencies, name)) component.dependencies.add(bomRef);
    }
  }
  const { version } = Bun;
  const runtime = new Models.Component(Enums.ComponentType.Platform, "bun", {
    version,
    bomRef: `bun@${version}`,
    purl: `pkg:github/oven-sh/bun@bun-v${version}`,
    description:
      "The runtime inside the program. What it is made of in its turn (JavaScriptCore, BoringSSL and others) its own project lists.",
  });
  for (const component of [...packages.values(), runtime]) {
    bom.components.add(component);
    program.dependencies.add(component.bomRef);
  }
  const factory = new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6);
  const options = { sortLists: true, space: 2 };
  return `${new Serialize.JsonSerializer(factory).serialize(bom, options)}\n`;
}

type PackageJson = {
  name: string;
  version: string;
  repository?: { url: string };
  dependencies?: Record<string, string>;
};

/** The package.json of every package of which a file is in the bundle. */
async function readPackages(): Promise<PackageJson[]> {
  await using folder = await startFolder();
  const metafile = folder.at("meta.json");
  await run([
    ...[process.execPath, "build", join(ROOT, "index.ts"), "--target=bun"],
    ...["--production", `--metafile=${metafile}`],
    `--outdir=${folder.at("out")}`,
  ]);
  const { inputs } = await Bun.file(metafile).json();
  const folders = Object.keys(inputs).flatMap(
    (path) => path.match(/.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/) ?? [],
  );
  const files = [...new Set(folders)]
    .sort()
    .map((path) => `${path}/package.json`);
  return Promise.all(files.map((file) => Bun.file(join(ROOT, file)).json()));
}

const builder = new Contrib.FromNodePackageJson.Builders.ComponentBuilder(
  new Contrib.FromNodePackageJson.Factories.ExternalReferenceFactory(),
  new Contrib.License.Factories.LicenseFactory((text) => {
    throw new Error(`${text} is no identifier of SPDX's.`);
  }),
);

function toComponent(
  data: PackageJson,
  type = Enums.ComponentType.Library,
): Models.Component {
  const component = builder.makeComponent(data, type);
  if (!component) throw new Error(`${data.name} is no package.`);
  const id = `${data.name}@${data.version}`;
  component.bomRef.value = id;
  if (type === Enums.ComponentType.Library) {
    component.purl = `pkg:npm/${id.replace(/^@/, "%40")}`;
  }
  return component;
}
