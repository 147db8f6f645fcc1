/** The published data sets known by name: what they are, which files they are made of, where those come from and their SHA-256. */

export interface PublishedFile {
  /** Name of the file as published. */
  name: string;
  url: string;
  /** SHA-256 of the bytes behind `url`, in hex. */
  sha256: string;
}

export interface Published {
  name: string;
  title: string;
  /** How the files are written: IDX files, or CIFAR-10's binary records. */
  format: "idx" | "cifar10";
  classes: readonly string[];
  /** Number of images when complete. */
  sizes: { train: number; test: number };
  licence: string;
  files: readonly PublishedFile[];
  /** Folders below the data folder in which the files are looked for, in this order. */
  folders: readonly string[];
}

const numerals = Array.from({ length: 10 }, (_, digit) => String(digit));

const mnist: Published = {
  name: "mnist",
  title: "MNIST handwritten digits, 28×28 grey (LeCun, Cortes, Burges)",
  format: "idx",
  classes: numerals,
  sizes: { train: 60_000, test: 10_000 },
  licence: "CC BY-SA 3.0",
  folders: ["mnist", "MNIST/raw", "."],
  files: idxFiles("https://storage.googleapis.com/cvdf-datasets/mnist/", [
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
  ]),
};

const fashionMnist: Published = {
  name: "fashion-mnist",
  title: "Fashion-MNIST articles of clothing, 28×28 grey (Xiao, Rasul, Vollgraf)",
  format: "idx",
  classes: ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"],
  sizes: { train: 60_000, test: 10_000 },
  licence: "MIT",
  folders: ["fashion-mnist", "FashionMNIST/raw", "."],
  files: idxFiles("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/", [
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
  ]),
};

const cifar10: Published = {
  name: "cifar10",
  title: "CIFAR-10 objects and animals, 32×32 colour (Krizhevsky)",
  format: "cifar10",
  classes: ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
  sizes: { train: 50_000, test: 10_000 },
  licence: "none stated; cite Krizhevsky 2009",
  folders: ["cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin", "."],
  files: [
    {
      name: "cifar-10-binary.tar.gz",
      url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
      sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
    },
  ],
};

export const catalogue: readonly Published[] = [mnist, fashionMnist, cifar10];

/** The files of an IDX data set: images and labels to train, images and labels to test. */
function idxFiles(home: string, checksums: readonly [string, string, string, string]): PublishedFile[] {
  const names = ["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"];
  return names.map((name, i) => ({ name, url: home + name, sha256: checksums[i] }));
}
