"""What people and other programs call things that have another name here; looked up only where a name is unknown.

Every table leads from a word, in small letters and without separators, to what it is called here; `ADVICE` leads to what to do
where there is no such thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from cnncli.registry import letters

Meaning = TypeVar("Meaning")


def _table(*rows: tuple[str, Meaning]) -> dict[str, Meaning]:
    return {word: meaning for words, meaning in rows for word in words.split()}


COMMANDS = _table(
    ("models", "models"),
    ("model network networks nets zoo architectures architecture", "models"),
    ("recipe config configs cfg presets", "recipes"),
    ("run history logs log experiments results", "runs"),
    ("dataset datasets", "data"),
    ("findlr lrfinder autolr lrrangetest tune", "lr-find"),
    ("rf", "receptive-field"),
)
"""Other spellings of a command, plurals and singulars: they work."""

INSTEAD = _table(
    (
        "weights info show print describe inspect flops macs memory count profile torchinfo torchsummary stats view",
        "summary",
    ),
    ("explain why formula", "summary {} --explain"),
    ("test eval val validate score accuracy judge", "evaluate"),
    ("fit learn finetune finetuning fine-tune trainer", "train"),
    ("continue restart", "resume"),
    ("infer inference classify detect recognize recognise classification", "predict"),
    ("convert onnx deploy torchscript", "export"),
    ("save", "export"),
    ("download get fetch prepare", "data fetch"),
    ("compare comparison versus vs", "diff"),
    ("lr learningrate", "lr-find"),
    ("pool pooling maxpool maxpool2d avgpool avgpool2d", "pool2d"),
    ("convolve convolution correlate correlation crosscorrelation filter kernel", "corr2d"),
    ("edge edges edgedetection sobel", "edge-detect"),
    ("gradcam cam", "features {} --gradcam"),
    ("featuremaps activations visualize visualise draw featuremap", "features"),
    ("benchmark speed latency throughput time", "bench"),
    ("generate codegen pytorch source", "code"),
    ("layer layers parameters parameter param calc calculate outputsize shape size", "params"),
    ("lint", "recipes check"),
    ("new init create copy", "recipes cp"),
    ("exam exercise exercises homework", "quiz"),
    ("pad stride strides", "padding"),
    ("inputsize smallest", "solve"),
)
"""Commands of other programs, and ours; `{}` is where the rest of the line goes."""

OPTIONS = _table(
    ("learningrate lrate eta lr0 initiallr baselr maxlr", ("lr", "to")),
    ("kernel kernelsize ksize kernelshape window windowsize filtersize filter poolsize f", ("k",)),
    ("x inputs inputsize inputdata inputdim inputshape insize in i shape size", ("input",)),
    ("n", ("level", "input")),
    ("imgsize imgsz imagesize resolution", ("input", "size")),
    ("image img photo picture file path", ("image", "input")),
    ("padding p pads paddings zeropadding", ("pad",)),
    ("strides s", ("stride",)),
    ("dilations dilationrate d", ("dilation",)),
    ("inchannels infeatures inch inplanes numfeatures cin inputchannels infilters", ("cin",)),
    ("outchannels outfeatures outch filters units numfilters nfilters planes outputchannels", ("cout",)),
    ("bs batch batchsz minibatch trainbatchsize", ("batch-size",)),
    ("epoch numepochs nepochs maxepochs e", ("epochs",)),
    ("epochs iterations iters numsteps numiter numit maxiter", ("steps",)),
    ("dataset datasets dataroot", ("data",)),
    ("numclasses nclasses nc nbclasses", ("classes",)),
    ("layer layers rowname node module", ("row",)),
    ("topk", ("top",)),
    ("colnames cols column", ("columns",)),
    ("gpu gpus cuda accelerator", ("device",)),
    ("checkpoint ckpt", ("which",)),
    ("classname label targetclass", ("class",)),
    ("cam", ("gradcam",)),
    ("out", ("output", "cout")),
    ("output o outputfile outfile outputdir outdir saveto savepath filename", ("out",)),
    ("outputsize outsize", ("output",)),
    ("min minlr startlr low start", ("from",)),
    ("max endlr high end", ("to",)),
    ("as type exportformat include", ("to", "kind", "mode")),
    ("silent", ("quiet",)),
    ("dry plan", ("dry-run",)),
    ("round ceilmode", ("ceil",)),
    ("maxparameters", ("max-params",)),
    ("optim", ("optimizer",)),
    ("randomseed manualseed", ("seed",)),
    ("maxsamples subset numsamples", ("limit",)),
    ("convtype layertype", ("kind",)),
    ("pooling pooltype method", ("mode",)),
)
"""Options: the first of them that the command has."""

FLAGS = _table(
    ("json", "--format json"),
    ("csv", "--format csv"),
    ("markdown md", "--format markdown"),
    ("cpu nogpu nocuda", "--device cpu"),
    ("gpu cuda", "--device cuda"),
    ("mps", "--device mps"),
    ("amp fp16 half mixedprecision", "precision=float16"),
    ("bf16 bfloat16", "precision=bfloat16"),
    ("best", "--which best"),
    ("last", "--which last"),
    ("avg average mean", "--mode avg"),
    ("formulas details", "--explain"),
    ("onnx", "--to onnx"),
    ("pt2", "--to pt2"),
    ("safetensors", "--to safetensors"),
)
"""Words that stand alone as an option, and what to write."""

POSITIONS = _table(
    ("model arch architecture network net run recipe config cfg m c", 0),
    ("source images image img input file", -1),
)
"""Options of others that are an argument here: the first, or the last."""

IN_ORDER = {
    "corr2d": "input k",
    "pool2d": "input k stride",
    "padding": "input k stride pad",
    "edge-detect": "image target",
    "bottleneck": "cin mid cout",
    "sharing": "image",
    "export": "to",
    "solve": "input output k stride pad",
}
"""What words without a name most likely are, for commands whose arguments have names."""

KEYS = _table(
    ("learningrate lrate lr0 eta initiallr baselr", "optimizer.lr"),
    ("wd l2 weightdecay", "optimizer.weight_decay"),
    ("optim optimiser optimizer", "optimizer.name"),
    ("epsilon", "optimizer.eps"),
    ("batch bs batchsz minibatch trainbatchsize", "data.batch_size"),
    ("epoch numepochs nepochs maxepochs", "train.epochs"),
    ("dataset data", "data.name"),
    ("network arch architecture net model", "model.name"),
    ("freeze", "model.frozen"),
    ("scheduler lrscheduler lrschedule schedule", "schedule.name"),
    ("warmup", "schedule.warmup_epochs"),
    ("stepsize", "schedule.step_epochs"),
    ("gradientaccumulationsteps gradaccum accumulation accumulategradbatches", "train.accumulate"),
    ("emadecay", "train.ema"),
    ("mixupalpha", "train.mixup"),
    ("cutmixalpha", "train.cutmix"),
    ("gradclip clipgrad gradclipnorm clipgradnorm gradientclipval maxgradnorm clip", "train.clip_norm"),
    ("smoothing", "train.label_smoothing"),
    ("earlystopping earlystoppingpatience", "stop.patience"),
    ("targetaccuracy", "stop.target_acc"),
    ("valsplit validationsplit valfraction valsize validation", "data.val"),
    ("numworkers nworkers", "data.workers"),
    ("imgsz imgsize imagesize inputsize size resolution", "data.resize"),
    ("augmentation augmentations aug transforms transform", "data.augment"),
    ("randomseed manualseed", "seed"),
    ("maxsamples subset numsamples", "data.limit"),
)
"""Keys of a recipe that mean just the same elsewhere."""

VALUES = {
    "weights": "torchvision:resnet18",
    "frozen": "[conv1]",
    "resize": 32,
    "val": 0.1,
    "limit": 1000,
    "augment": "[flip]",
    "workers": 4,
    "weight_decay": 0.0005,
    "momentum": 0.9,
    "warmup_epochs": 1,
    "label_smoothing": 0.1,
    "clip_norm": 1.0,
    "mixup": 0.2,
    "cutmix": 1.0,
    "ema": 0.999,
    "checkpoint_steps": 100,
    "patience": 5,
    "target_acc": 0.98,
}
"""A usual value for each key of a recipe whose default is none, or does nothing."""

NEAR_KEYS = _table(("betas", "optimizer.beta1"), ("pretrained", "model.weights"))
"""Keys that hold something else elsewhere: named, never taken for the same."""

KINDS = _table(
    ("fc dense fullyconnected lin fclayer denselayer", "linear"),
    ("convolution convolutional convlayer conv2d", "conv"),
    ("pool pooling maxpooling maxpooling2d subsample", "max-pool"),
    ("avgpooling averagepooling averagepool meanpool averagepooling2d", "avg-pool"),
    ("bn batchnormalization batchnormalisation", "batch-norm"),
    ("ln layernormalization", "layer-norm"),
    ("gn groupnormalization", "group-norm"),
    ("lrn", "local-response-norm"),
    ("deconv deconvolution transposedconv convtransposed conv2dtranspose upconv tconv", "conv-transpose"),
    ("gap globalaveragepooling globalaveragepool globalaveragepooling2d globalavgpool2d globalpool", "global-avg-pool"),
    ("mha selfattention multiheadselfattention", "attention"),
    ("swish", "silu"),
    ("concatenate cat", "concat"),
    ("zeropadding zeropadding2d padding pad", "zero-pad"),
    ("upsampling upsampling2d interpolate resize", "upsample"),
    ("conv1x1 1x1conv pointwise", "conv"),
)
"""Layer kinds."""

NETWORKS = _table(
    ("lenet5 lenetv5", "lenet"),
    ("inceptionv1 googlenetv1", "googlenet"),
    ("alex", "alexnet"),
    ("mobilenetv2", "mobilenet_v2"),
)
"""Networks."""

SETS = _table(("fmnist fashion", ("fashion-mnist",)))
"""Data sets."""

ACTIONS = _table(
    ("list all index", ("ls",)),
    ("show cat view print describe info get display", ("show", "info")),
    ("copy new create init", ("cp",)),
    ("download get prepare pull", ("fetch",)),
    ("diff plot", ("compare",)),
    ("validate verify lint", ("check",)),
)
"""Actions of `models`, `recipes`, `data` and `runs`: the first of them that the command has."""

CHOICES = _table(
    ("mean average averagepooling", ("avg",)),
    ("maximum", ("max",)),
    ("validation valid", ("val",)),
    ("training", ("train",)),
    ("md", ("markdown",)),
    ("fp32 32 float", ("float32",)),
    ("fp16 16 half", ("float16",)),
    ("bf16", ("bfloat16",)),
)
"""Values of options and keys that are a word of a few."""

ADVICE = _table(
    ("resume", "cnncli resume RUN goes on with a run"),
    ("last latest", "without a RUN, cnncli resume goes on with the newest"),
    (
        "outputdir outdir output out name project exp experiment runname savedir",
        "a run's folder is runs/<recipe>-<n> below the current folder; go to another folder first",
    ),
    ("wandb mlflow logger log", "--tensorboard writes event files, and metrics.csv is in every run folder"),
    ("loss criterion lossfn", "the loss is the cross-entropy, which label_smoothing=0.1 softens"),
    ("verbose v debug", "everything is shown already; --debug shows a traceback with an error"),
    (
        "pretrained",
        "write weights=torchvision:resnet18, or weights=FILE.safetensors, for the weights to start from",
    ),
    ("classweights classweight weights", "classes are not weighed; val=0.1 and cnncli evaluate show how each does"),
    ("dropout droprate", "a network has its own arguments: cnncli models show NAME tells them"),
    ("threads numthreads nthreads", "the environment says so: OMP_NUM_THREADS=4 cnncli …"),
    ("metrics metric monitor", "cnncli evaluate RUN tells accuracy, each class, confusions and calibration"),
    ("distributed ddp multigpu worldsize", "one process on one device trains a network: --device cuda:0"),
    ("existok overwrite force", "every run has a folder of its own, runs/<recipe>-<n>; nothing is overwritten"),
    (
        "savebest saveperiod saveevery savelast savefreq checkpointevery",
        "a run keeps checkpoints/last.pt and, with val=0.1, best.pt; checkpoint_steps=100 writes last.pt more often",
    ),
    ("nprocpernode nproc nnodes", "one process on one device trains a network: --device cuda:0"),
    (
        "classes numclasses nc",
        "classes follow from the data: --data mnist, or --data folder:PATH with a folder for each class",
    ),
    ("train test traindir testdir trainpath valdir", "name the folder that holds train/ and test/: --data folder:PATH"),
    ("checkpoint ckpt", "weights=runs/lenet-1 begins with a run's weights, and cnncli resume RUN goes on with one"),
    ("dtype", "figures are in float32; cnncli bench SOURCE --precision bfloat16 measures another"),
    ("topk", "cnncli predict RUN IMAGE --top 5 shows the likeliest classes of an image"),
    ("opset opsetversion", "the graph's operators say which it needs; leave it out"),
    ("dynamic dynamicaxes dynamicbatch", "what is written takes a batch of any length; leave it out"),
    ("simplify optimize half int8 quantize", "what is written computes as the network does; leave it out"),
    ("list all listmodels models", "cnncli models ls lists the networks"),
    ("shuffle", "images are shuffled anew in every epoch; seed=1 shuffles them otherwise"),
    ("betas", "write beta1=0.9 beta2=0.999"),
    ("callbacks callback", "health, early stopping (patience=5 val=0.1) and checkpoints are built in"),
)
"""Options and keys that have nothing here to stand for them, and what to do."""

NO_COMMANDS = _table(
    (
        "plot curves plotcurves graph",
        "curves.png is in every run's folder; several in one: cnncli runs compare RUN RUN --out curves.png",
    ),
    ("ls list all", "write cnncli models ls, recipes ls, data ls or runs ls"),
    ("delete rm remove clean", "a run is a folder below runs/: delete that"),
    ("pip install update upgrade", "it is here already; in a shell, pip install --upgrade cnncli brings a newer one"),
    ("python python3 sh bash", "that is a program of its own; leave cnncli before it out"),
    ("quit exit q", "a command ends by itself; there is nothing to leave"),
    ("fitonecycle onecycle", "write cnncli train lenet schedule=onecycle"),
    ("gui", "there is none; cnncli --help lists the commands"),
    ("tensorboard", "write cnncli train NAME --tensorboard, then tensorboard --logdir runs"),
    ("export-onnx", "write cnncli export RUN --to onnx"),
    ("confusion confusionmatrix", "cnncli evaluate RUN draws it"),
    ("predictall", "cnncli predict RUN FOLDER takes a folder of images"),
)
"""Commands that there are not, and what to do."""

NO_KINDS = _table(
    ("depthwise depthwiseconv depthwiseconv2d dwconv", "write cnncli params conv --cin 32 --cout 32 --groups 32 --k 3"),
    (
        "separable separableconv separableconv2d",
        "it is two layers: cnncli params conv --cin 32 --cout 32 --groups 32 --k 3, and one with --k 1",
    ),
    (
        "embedding embeddings",
        "write cnncli summary torch.nn:Embedding num_embeddings=1000 embedding_dim=64 --input 10:int64",
    ),
    ("lstm", "write cnncli summary torch.nn:LSTM input_size=10 hidden_size=20 --input 5x10"),
    ("gru", "write cnncli summary torch.nn:GRU input_size=10 hidden_size=20 --input 5x10"),
    ("rnn", "write cnncli summary torch.nn:RNN input_size=10 hidden_size=20 --input 5x10"),
    ("activation nonlinearity", "write its name, as in cnncli params relu"),
    ("norm normalization", "write its name, as in cnncli params batch-norm --cin 64"),
    ("residual resblock basicblock bottleneckblock", "write cnncli summary resnet18 --depth 1"),
    (
        "crossentropy crossentropyloss bceloss mseloss nllloss loss",
        "a loss has nothing to learn; a layer is named as in cnncli params linear --cin 400 --cout 120",
    ),
    ("se squeezeexcitation seblock", "write cnncli summary torchvision:efficientnet_b0 --all"),
    ("inception inceptionblock", "write cnncli summary googlenet --depth 1"),
)
"""Layers that are no kind here."""

NO_NETWORKS = _table(
    ("inception", "write googlenet, which is Inception v1, or torchvision:inception_v3"),
    ("unet", "name one of your own as FILE.py:Class or package.module:factory"),
    (
        "yolo yolov5 yolov5n yolov8 yolov8n yolo11n",
        "with ultralytics installed: cnncli summary ultralytics.nn.tasks:DetectionModel cfg=yolov8n.yaml --input 3x640x640",
    ),
    (
        "bert gpt gpt2 transformer llama",
        "name one of your own as FILE.py:Class or package.module:factory",
    ),
    ("cnn mlp net", "name a built-in one (cnncli models ls), or your own as net.yaml or FILE.py:Class"),
)
"""Networks that are not built in, and how to name them."""

NO_SETS = _table(
    ("cifar", "write cifar10 or cifar100"),
    ("imagenet imagenet1k ilsvrc tinyimagenet", "name its folder, which holds train/ and val/: folder:PATH"),
    ("all", "one at a time, as in cnncli data fetch mnist; cnncli data ls lists them"),
    ("coco voc", "name a folder with one folder of images for each class: folder:PATH"),
)
"""Data sets that must be brought along."""


def meant(table: Mapping[str, Meaning], word: str) -> Meaning | None:
    """What `word` is here, by `table`."""
    return table.get(letters(word))


def one_of(word: str, table: Mapping[str, tuple[str, ...]], known: Iterable[str]) -> str | None:
    """The name in `known` that `word` means: the same but for case and separators, or by `table`."""
    choices = {letters(each): each for each in reversed(list(known))}
    found = (choices.get(letters(each)) for each in (word, *(meant(table, word) or ())))
    return next((each for each in found if each is not None), None)
