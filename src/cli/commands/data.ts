/** `saddle data`: what data there are, fetching them, and looking at them. */
import { resolve } from "node:path";
import { z } from "zod";
import { ascii, batch, catalogue, count, sheet, take, whole } from "../../data/index.ts";
import { cacheFolder, download, loadData, locate } from "../../data/node/index.ts";
import { writeAtomic } from "../../runs/index.ts";
import { command, group } from "../command.ts";
import { UsageError } from "../errors.ts";
import { bounds, dataDir } from "../fields.ts";
import { didYouMean } from "../suggest.ts";
import { table } from "../table.ts";

const list = command({
  brief: "the data sets by name, and where they are on this machine",
  options: z.object({ dataDir }),
  examples: [["saddle data list", "names, sizes and folders"]],
  async run({ dataDir }, terminal) {
    const rows = [
      { name: "digits", title: "stroke digits drawn by this package, 28×28 grey", train: 10_000, test: 2_000, where: "built in" },
      ...catalogue.map((published) => ({
        name: published.name,
        title: published.title,
        ...published.sizes,
        where: locate(published, "test", dataDir) ?? `not here: saddle data get ${published.name}`,
      })),
    ];
    const columns = [
      { title: "name" },
      { title: "what", wrap: true },
      { title: "train", align: "right" as const },
      { title: "test", align: "right" as const },
      { title: "where", wrap: true },
    ];
    const cells = rows.map(({ name, title, train, test, where }) => [name, title, String(train), String(test), where]);
    for (const line of table(columns, cells, { width: terminal.width, titleStyle: (text) => terminal.style("dim", text) }))
      terminal.print(line);
    terminal.print(
      "\nYour own: npz:FILE, npy:FOLDER (x_train, y_train, x_test, y_test), folder:FOLDER (train/CLASS/*.png, test/CLASS/*.png).",
    );
    return { json: rows };
  },
});

const get = command({
  brief: "download a published data set, checked by SHA-256",
  options: z.object({
    name: z.string().meta({ placeholder: "NAME", description: catalogue.map(({ name }) => name).join(", ") }),
    to: z
      .string()
      .optional()
      .meta({ placeholder: "DIR", description: `folder to put it in (default: ${cacheFolder()})` }),
  }),
  positional: ["name"],
  examples: [["saddle data get mnist", "into the cache, where every command finds it"]],
  async run({ name, to }, terminal) {
    const published = catalogue.find((candidate) => candidate.name === name);
    if (!published) {
      const names = catalogue.map((candidate) => candidate.name);
      throw new UsageError(`there is no published data set "${name}"${didYouMean(name, names)}`, `there are ${names.join(", ")}`);
    }
    const bar = terminal.progress();
    try {
      const folder = await download(published, {
        folder: to && resolve(to),
        progress: (file, received, total) => bar.update(total ? received / total : 0, file),
      });
      terminal.print(`${published.title}\nin ${folder} (${published.licence})`);
      return { json: { name, folder } };
    } finally {
      bar.end();
    }
  },
});

const show = command({
  brief: "look at the first examples of a data set",
  options: z.object({
    source: z
      .string()
      .default("digits")
      .meta({ placeholder: "DATA", description: "name of a data set, or npz:, npy:, folder: and a path" }),
    split: z.enum(["train", "test"]).default("train").meta({ description: "which part" }),
    examples: z.int().min(1).max(10_000).default(50).meta({ description: "how many" }),
    png: z.string().optional().meta({ placeholder: "FILE", description: "write them to a PNG file" }),
    bounds,
    dataDir,
  }),
  positional: ["source"],
  examples: [
    ["saddle data show digits", "three of them as text, and the numbers per class"],
    ["saddle data show mnist --split test --examples 100 --png mnist.png", "a sheet of pictures"],
  ],
  async run({ source, split, examples, png, ...where }, terminal) {
    const data = await loadData(source, { split, ...where });
    const perClass = data.classes.map((name, label) => ({
      name,
      examples: data.labels.reduce((total, own) => total + (own === label ? 1 : 0), 0),
    }));
    terminal.print(
      `${data.name}, ${split}: ${count(data)} examples [${data.shape}] in ${data.bounds.join("..")}${data.note ? ` (${data.note})` : ""}`,
    );
    for (const line of table(
      [{ title: "class" }, { title: "examples", align: "right" }],
      perClass.map(({ name, examples }) => [name, String(examples)]),
    ))
      terminal.print(line);
    const pictures = data.shape.length === 3;
    if (png !== undefined && !pictures) throw new UsageError(`${data.name} holds no pictures but [${data.shape}]`);
    if (png !== undefined) {
      writeAtomic(png, sheet(whole(take(data, examples)).x));
      terminal.print(`\n${Math.min(examples, count(data))} pictures in ${png}`);
    } else if (pictures) {
      const fitting = Math.max(1, Math.min(3, Math.floor(terminal.width / (data.shape[2] + 1)), count(data)));
      const shown = batch(
        data,
        Array.from({ length: fitting }, (_, i) => i),
      );
      terminal.print(`\n${ascii(shown.x)}`);
    }
    return {
      json: { name: data.name, split, examples: count(data), shape: data.shape, bounds: data.bounds, note: data.note, perClass, png },
    };
  },
});

export default group("what data there are, fetching them, looking at them", { list, get, show });
