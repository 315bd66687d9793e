"""Drivers run next to the student's code; see the tests that use them."""

import io
import os
import resource
import signal
import sys
import tempfile
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn


def adamw_of_generator(adapters, weights, gradients, groups=False):
    """The weights after steps of an optimizer that was given a generator."""
    ws = [w.clone().requires_grad_() for w in weights]
    given = ({"params": (w for w in [w])} for w in ws) if groups else (w for w in ws)
    optimizer = adapters.adamw()(given, lr=0.1)
    for now in gradients:
        for w, g in zip(ws, now, strict=True):
            w.grad = g.clone()
        optimizer.step()
    return [w.detach() for w in ws]


def tensors_in(value):
    """All tensors in nested containers."""
    if isinstance(value, torch.Tensor):
        return [value]
    parts = value.values() if isinstance(value, dict) else value
    return (
        [t for part in parts for t in tensors_in(part)]
        if isinstance(value, dict | list | tuple)
        else []
    )


def adamw_memory(adapters, dtype, device="cpu"):
    """Dtypes and devices of the tensors in the state that have the shape of their weight."""
    w = torch.ones(3, 2, dtype=dtype, device=device, requires_grad=True)
    optimizer = adapters.adamw()([w], lr=0.1)
    for _ in range(2):
        w.grad = torch.ones_like(w)
        optimizer.step()
    kept = [t for t in tensors_in(optimizer.state[w]) if t.shape == w.shape]
    return [[str(t.dtype), t.device.type] for t in kept]


def adamw_closure_sets_rate(adapters):
    """A weight of 1 after steps whose closures lay a gradient of 1 and halve the rate of 0.5."""
    w = torch.ones(1, requires_grad=True)
    optimizer = adapters.adamw()([w], lr=0.5, weight_decay=0.0)

    def closure():
        w.grad = torch.ones(1)
        optimizer.param_groups[0]["lr"] /= 2

    history = []
    for _ in range(2):
        optimizer.step(closure=closure)
        history.append(w.item())
    return history


def adamw_positional(adapters, *options):
    """The options of a group, given by position."""
    optimizer = adapters.adamw()([torch.ones(1, requires_grad=True)], *options)
    return [optimizer.param_groups[0][name] for name in ("lr", "betas", "eps", "weight_decay")]


def adamw_resumed_late(adapters, dtype, gradients, at):
    """The last weights with and without a file on the way."""
    found, kind = [], adapters.adamw()
    for resumed in (False, True):
        w = torch.ones_like(gradients[0], dtype=dtype, requires_grad=True)
        optimizer = kind([w], lr=0.05)
        for step, g in enumerate(gradients):
            if resumed and step == at:
                file = io.BytesIO()
                torch.save(optimizer.state_dict(), file)
                file.seek(0)
                w = w.detach().clone().requires_grad_()
                optimizer = kind([w])
                optimizer.load_state_dict(torch.load(file, weights_only=True))
            w.grad = g.to(dtype, copy=True)
            optimizer.step()
        found.append(w.detach())
    return found


def adamw_graph(adapters):
    """Whether weight or state hang on a graph after a step on gradients that do."""
    w = torch.ones(3, requires_grad=True)
    optimizer = adapters.adamw()([w], lr=0.1)
    for _ in range(2):
        (w.grad,) = torch.autograd.grad(w.pow(3).sum(), w, create_graph=True)
        optimizer.step()
    return w.grad_fn is not None or any(t.requires_grad for t in tensors_in(optimizer.state[w]))


def adamw_without_gradients(adapters, weights):
    """The weights after steps without any gradient."""
    ws = [w.clone().requires_grad_() for w in weights]
    optimizer = adapters.adamw()(ws, lr=0.1, weight_decay=0.5)
    for _ in range(2):
        optimizer.step()
    return [w.detach() for w in ws]


def adamw_trained(adapters, x, y, steps):
    """Losses of a linear layer that a closure-free loop fits, zero_grad included."""
    layer = nn.Linear(x.shape[1], 1)
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
    optimizer = adapters.adamw()(layer.parameters(), lr=0.05, weight_decay=0.0)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (layer(x)[:, 0] - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def clipped_strided(adapters, gradients, max_norm):
    """Norm and gradients where the latter lie in memory column by column."""
    ps = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, g in zip(ps, gradients, strict=True):
        p.grad = g.mT.contiguous().mT
    norm = adapters.clip_grad_norm(ps, max_norm)
    return norm.detach(), [p.grad for p in ps]


def clipped_view(adapters, gradients, max_norm):
    """The memory that all gradients lie in, one after the other."""
    memory = torch.cat([g.flatten() for g in gradients])
    parts = memory.split([g.numel() for g in gradients])
    ps = [nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for p, part in zip(ps, parts, strict=True):
        p.grad = part.view(p.shape)
    adapters.clip_grad_norm(ps, max_norm)
    return memory


def clipped_graph(adapters):
    """Whether the norm hangs on a graph where the gradients do."""
    p = nn.Parameter(torch.ones(3))
    (p.grad,) = torch.autograd.grad(p.pow(3).sum(), p, create_graph=True)
    norm = adapters.clip_grad_norm([p], 1.0)
    return norm.requires_grad, p.grad.detach()


def clipped_twins(adapters):
    """The norm of three parameters, the first two views of one memory; gradients 3, 4 and 12."""
    memory = torch.zeros(2)
    ps = [nn.Parameter(memory[:1]), nn.Parameter(memory), nn.Parameter(torch.zeros(1))]
    for p, number in zip(ps, (3.0, 4.0, 12.0), strict=True):
        p.grad = torch.zeros_like(p)
        p.grad[-1] = number
    return torch.as_tensor(adapters.clip_grad_norm(ps, 100.0)).detach()


def clipped_nothing(adapters, parameters, max_norm):
    """The norm where there are no gradients, or not even parameters."""
    ps = [nn.Parameter(torch.ones(2)) for _ in range(parameters)]
    norm = adapters.clip_grad_norm(ps, max_norm)
    return norm, isinstance(norm, torch.Tensor), [p.grad for p in ps]


class Table(nn.Embedding):
    """An embedding by another name."""


class Odd(nn.Module):
    """Parameters whose names and modules mislead."""

    def __init__(self):
        super().__init__()
        self.bias = nn.Parameter(torch.ones(3, 3))
        self.embedding = nn.Linear(3, 3)
        self.words = Table(5, 3)
        self.norm = nn.LayerNorm((2, 3))
        self.weight_scale = nn.Parameter(torch.ones(3))
        self.row = nn.Parameter(torch.ones(1, 3))


class Shared(nn.Module):
    """A layer that is used twice, and a parameter with two names."""

    def __init__(self):
        super().__init__()
        layer = nn.Linear(3, 3)
        self.first, self.second = layer, layer
        self.alias = layer.bias


class HeadFirst(nn.Module):
    """A tied model whose head comes before its embedding."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 5, bias=False)
        self.tokens = nn.Embedding(5, 3)
        self.tokens.weight = self.head.weight


class Mixed(Table):
    """An embedding with a matrix of its own beside its weight."""

    def __init__(self):
        super().__init__(4, 3)
        self.mix = nn.Parameter(torch.ones(3, 3))


class Deep(nn.Module):
    """Embeddings inside other modules, one lent to a head before it, one copied, and a bag."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(3, 5, bias=False)
        self.body = nn.ModuleDict({"wte": nn.Embedding(5, 3), "wpe": nn.Embedding(2, 3)})
        self.head.weight = self.body["wte"].weight
        self.bag = nn.EmbeddingBag(5, 3)
        self.words = Mixed()
        self.same_memory = nn.Parameter(self.body["wpe"].weight.detach())


HIDDEN_MODELS = {"odd": Odd, "shared": Shared, "head first": HeadFirst, "none": nn.ReLU}
HIDDEN_MODELS |= {"deep": Deep, "embedding": lambda: nn.Embedding(3, 2)}


def grouped_odd(adapters, name, weight_decay):
    """The names in both groups, and their weight_decay."""
    model = HIDDEN_MODELS[name]()
    names = {id(p): name for name, p in model.named_parameters()}
    return [
        [group.get("weight_decay"), [names.get(id(p), "unknown") for p in group["params"]]]
        for group in adapters.decay_groups(model, weight_decay)
    ]


def strided(adapters, name, tensors, *rest):
    """What an adapter makes of tensors whose first axis lies innermost in memory."""
    turned = [t.transpose(0, -1).contiguous().transpose(0, -1) for t in tensors]
    return getattr(adapters, name)(*turned, *rest)


def drawn_in_float64(adapters, name):
    """The dtype of new weights where torch's default is float64."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return str(torch.as_tensor(getattr(adapters, name)((3, 4), 1)).dtype)
    finally:
        torch.set_default_dtype(before)


class Project(nn.Linear):
    """A linear layer by another name."""


class Head(nn.Module):
    """Modules whose names mislead; every parameter starts at 3."""

    def __init__(self, C):
        super().__init__()
        self.c_proj = nn.Embedding(2 * C, C)
        self.out = nn.ModuleDict({"c_proj": Project(2 * C, 2 * C), "c_projection": nn.Linear(C, C)})
        self.plain = nn.LayerNorm(C, elementwise_affine=False)
        self.gate = nn.LayerNorm(C)
        self.ln = Project(C, C)
        self.batch = nn.BatchNorm1d(C)
        for p in self.parameters():
            nn.init.constant_(p, 3.0)


def gpt2_odd(adapters, C, num_layers):
    """The state of such a model after gpt2_init, the small parameters first."""
    model = Head(C)
    adapters.gpt2_init(model, num_layers, 7)
    named = sorted(model.named_parameters(), key=lambda entry: entry[1].numel())
    return {name: p.detach() for name, p in named}


def gpt2_single(adapters, C):
    """The state of a model that is one layer."""
    single = nn.Linear(C, C)
    adapters.gpt2_init(single, 2, 3)
    return {"weight": single.weight.detach(), "bias": single.bias.detach()}


class Gain(nn.LayerNorm):
    """A norm by another name."""


class Near(nn.Module):
    """What is nearly a rule's case, and, in `others`, what no rule speaks of."""

    def __init__(self, C):
        super().__init__()
        self.c_proj = nn.Linear(C, C)
        self.pre_c_proj = nn.Linear(C, C)
        self.block = nn.ModuleDict({"c_proj": nn.Sequential(nn.Linear(C, C))})
        self.once = Project(C, C)
        self.twice = nn.ModuleDict({"c_proj": self.once})
        self.table = Table(C, C)
        self.padded = nn.Embedding(C, C, padding_idx=3)
        self.norm = Gain((2, C))
        self.others = nn.ModuleList(
            [nn.RMSNorm(C), nn.GroupNorm(2, C), nn.EmbeddingBag(4, C), nn.Conv1d(3, 3, 2)]
        )
        for p in self.parameters():
            nn.init.constant_(p, 3.0)


def gpt2_near(adapters, C, num_layers):
    """The state of such a model, and the modes of its parts."""
    model = Near(C)
    model.others.eval()
    adapters.gpt2_init(model, num_layers, 7)
    state = {name: p.detach() for name, p in model.named_parameters()}
    return {"state": state, "modes": [model.training, model.others.training]}


def gpt2_seeds(adapters, C, seeds):
    """The first weight for several seeds."""
    found = []
    for seed in seeds:
        model = nn.Sequential(nn.Linear(C, C), nn.Embedding(C, C))
        adapters.gpt2_init(model, 2, seed)
        found.append(model[0].weight.detach())
    return found


# --- accumulate_gradients -----------------------------------------------------------------------


class Partial(nn.Module):
    """A table of logits of which some is frozen, and a layer that nobody uses."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(table)
        self.bias = nn.Parameter(torch.zeros(table.shape[1]), requires_grad=False)
        self.unused = nn.Linear(2, 2)

    def forward(self, ids):
        """Ids B T to logits B T V."""
        return self.table[ids] + self.bias


def accumulated_in_part(adapters, table, microbatches):
    """The loss, the gradient of the table, and those of what is frozen or unused."""
    model = Partial(table)
    loss = adapters.accumulate_gradients(model, microbatches)
    rest = [model.bias.grad, model.unused.weight.grad, model.unused.bias.grad]
    return loss, model.table.grad, rest, model.bias.requires_grad


def accumulated_to_nothing(adapters, table, microbatches, before):
    """What happens where there is no target: the error's kind, and the gradient."""
    model = nn.Embedding.from_pretrained(table, freeze=False)
    model.weight.grad = torch.full_like(table, before)
    try:
        adapters.accumulate_gradients(model, microbatches)
    except NotImplementedError:
        raise  # a stub
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__], model.weight.grad
    return None, model.weight.grad


def accumulated_inputs(adapters, table, microbatches):
    """The micro-batches after a call."""
    model = nn.Embedding.from_pretrained(table, freeze=False)
    adapters.accumulate_gradients(model, microbatches)
    return microbatches


# --- get_batch ----------------------------------------------------------------------------------


def batch_of_shape(adapters, shape, B, T):
    """A batch of a dataset of this shape."""
    ids = torch.arange(torch.Size(shape).numel()).reshape(shape).numpy()
    return adapters.get_batch(ids, B, T, "cpu", torch.Generator().manual_seed(0))


def batch_by_state(adapters, ids, B, T):
    """The batch after a state; again from the same generator, and from another one set to it."""
    rng, other = (torch.Generator().manual_seed(seed) for seed in (1, 2))
    for generator in (rng, rng, rng, other):
        adapters.get_batch(ids, B, T, "cpu", generator)
    state = rng.get_state()
    first = adapters.get_batch(ids, B, T, "cpu", rng)[0]
    rng.set_state(state), other.set_state(state)
    return [first] + [adapters.get_batch(ids, B, T, "cpu", g)[0] for g in (rng, other)]


def batch_far_away(adapters, B):
    """First ids of windows in 2**25 + 1 ids, which tell their half and whether their place is odd."""
    data = np.zeros(2**25 + 1, np.uint8)
    data[1::2] = 1
    data[2**24 :] += 2
    return adapters.get_batch(data, B, 1, "cpu", torch.Generator().manual_seed(0))[0]


# --- checkpoint ---------------------------------------------------------------------------------


def passing_folder():
    """A temporary one, in memory if possible: os.fsync waits for disks."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)


class Normed(nn.Module):
    """Batch normalization, whose running statistics are no parameters, and a frozen layer."""

    def __init__(self, seed):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layer, self.norm = nn.Linear(3, 3), nn.BatchNorm1d(3)
            self.norm(torch.randn(4, 3))
            self.layer.bias.requires_grad_(False)


def checkpoint_of_buffers(adapters):
    """A model with buffers, a frozen weight and float64, saved and loaded into another."""
    models = [Normed(seed).double() for seed in (1, 2)]
    models[1].eval()
    optimizers = [torch.optim.SGD([m.layer.weight], lr=0.1) for m in models]
    with passing_folder() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        adapters.save_checkpoint(models[0], optimizers[0], 123_456, path)
        step = adapters.load_checkpoint(path, models[1], optimizers[1])
    states = [model.state_dict() for model in models]
    flags = [models[1].layer.bias.requires_grad, models[1].training, models[0].training]
    return {"step": step, "states": states, "dtype": str(models[1].layer.weight.dtype)} | {
        "flags": flags
    }


def checkpoint_of_tied(adapters, toy_seed):
    """Whether a toy with tied weights stays tied."""
    from kit.given.toys import toy_model

    models = [toy_model("tied", seed=toy_seed + i) for i in range(2)]
    optimizers = [torch.optim.AdamW(m.parameters()) for m in models]
    with passing_folder() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        adapters.save_checkpoint(models[0], optimizers[0], 1, path)
        adapters.load_checkpoint(path, models[1], optimizers[1])
    states = [model.state_dict() for model in models]
    return states, models[1].head.weight is models[1].embedding.weight


def checkpoint_twice(adapters):
    """Save, change, save over it: the step and the weight that are loaded."""
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with passing_folder() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        for step in (1, 2):
            nn.init.constant_(model.weight, step)
            adapters.save_checkpoint(model, optimizer, step, path)
            nn.init.zeros_(model.weight)
        step = adapters.load_checkpoint(path, model, optimizer)
        return step, model.weight, sorted(os.listdir(folder))


def checkpoint_from_gpu(adapters):
    """Load a checkpoint whose tensors say that they were on a GPU."""
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    tag = torch.serialization.location_tag
    with passing_folder() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        torch.serialization.location_tag = lambda storage: "cuda:0"
        try:
            adapters.save_checkpoint(model, optimizer, 3, path)
        finally:
            torch.serialization.location_tag = tag
        wanted = model.weight.clone()
        nn.init.zeros_(model.weight)
        step = adapters.load_checkpoint(path, model, optimizer)
        return step, torch.equal(model.weight, wanted), model.weight.device.type


def checkpoint_missing(adapters):
    """Load from where there is no file."""
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with passing_folder() as folder:
        adapters.load_checkpoint(os.path.join(folder, "checkpoint.pt"), model, optimizer)


def noting(calls, *names):
    """Note the calls of functions of os, wherever they were imported to."""

    def noted(name, original):
        def call(*args, **kwargs):
            paths = [os.fspath(a) for a in args if isinstance(a, str | os.PathLike)]
            calls.append((name, paths or os.fstat(args[0]).st_size))
            return original(*args, **kwargs)

        return call

    return os_as(**{name: noted(name, getattr(os, name)) for name in names})


def checkpoint_order(adapters):
    """Calls of os that put a checkpoint in place, with what is whole by then; the folders named."""
    model, calls = nn.Linear(2, 2), []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with passing_folder() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        with noting(calls, "fsync", "fdatasync", "replace", "rename"):
            adapters.save_checkpoint(model, optimizer, 1, path)
        moves = [paths for name, paths in calls if name in ("replace", "rename")]
        same = all(os.path.dirname(p) == folder for paths in moves for p in paths)
        size = os.path.getsize(path)
        return [name for name, what in calls if isinstance(what, list) or what == size], same


def checkpoint_in_working_folder(adapters):
    """Save to a bare file name, in the current folder."""
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    back = os.getcwd()
    with passing_folder() as folder:
        os.chdir(folder)
        try:
            adapters.save_checkpoint(model, optimizer, 4, "checkpoint.pt")
            return adapters.load_checkpoint("checkpoint.pt", model, optimizer), os.listdir(folder)
        finally:
            os.chdir(back)


def small_pair():
    """A small model and its optimizer."""
    model = nn.Linear(3, 3)
    return model, torch.optim.AdamW(model.parameters(), lr=0.1)


@contextmanager
def os_as(**functions):
    """Functions of os replaced, wherever they were imported to."""
    undo = []
    for name, function in functions.items():
        original = getattr(os, name)
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(name) is original:
                undo.append((module, name, original))
                setattr(module, name, function)
    try:
        yield
    finally:
        for module, name, original in undo:
            setattr(module, name, original)


def checkpoint_failing(adapters, how):
    """Save once; then a save that fails: the error, what is left, and the step that it holds."""
    model, optimizer = small_pair()

    def failing(*_, **__):
        raise KeyboardInterrupt if how == "interrupt" else OSError("no")

    name = {"interrupt": "fsync", "unpicklable": None}.get(how, how)
    extra = {"f": lambda: 0} if how == "unpicklable" else None
    with passing_folder() as folder:
        path, error = os.path.join(folder, "checkpoint.pt"), None
        adapters.save_checkpoint(model, optimizer, 1, path)
        with os_as(**({name: failing} if name else {})):
            try:
                adapters.save_checkpoint(model, optimizer, 2, path, extra)
            except BaseException as raised:
                error = type(raised).__name__
        return error, sorted(os.listdir(folder)), adapters.load_checkpoint(path, model, optimizer)


def forked(work):
    """Whether a fork was killed while it did `work`."""
    pid = os.fork()
    if pid == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(pid, 0)[1])


def dying_at(number, names=("replace", "rename", "unlink", "remove", "link")):
    """Functions of os that die at the call number `number` of any of them."""
    calls = []

    def dying(original):
        def call(*args, **kwargs):
            calls.append(1)
            if len(calls) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        return call

    return {name: dying(getattr(os, name)) for name in names}


def checkpoint_dying(adapters):
    """A second save dies before its n-th change of a name, n = 1, 2, ...: the steps left."""
    model, optimizer = small_pair()
    steps, killed = [], True
    while killed and len(steps) < 9:
        with passing_folder() as folder:
            path = os.path.join(folder, "checkpoint.pt")
            adapters.save_checkpoint(model, optimizer, 1, path)

            def work(path=path):
                with os_as(**dying_at(len(steps) + 1)):
                    adapters.save_checkpoint(model, optimizer, 2, path)

            killed = forked(work)
            found = os.path.exists(path)
            steps.append(adapters.load_checkpoint(path, model, optimizer) if found else None)
    return steps


def checkpoint_after_half(adapters):
    """Killed while it writes, then saved again: the step, and the sizes of this and a fresh file."""
    model, optimizer = small_pair()
    with passing_folder() as folder:
        paths = [os.path.join(folder, name) for name in ("checkpoint.pt", "again.pt")]

        def work():
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit))
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            adapters.save_checkpoint(model, optimizer, 1, paths[0])

        forked(work)
        for path in paths:
            adapters.save_checkpoint(model, optimizer, 2, path)
        step = adapters.load_checkpoint(paths[0], model, optimizer)
        return step, [os.path.getsize(path) for path in paths]


class Place(os.PathLike):
    """A path that is neither text nor a Path."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


HEADER = b"header"


def checkpoint_in(adapters, kind):
    """As `placed`, or the error's name in place of the step."""
    try:
        return placed(adapters, kind)
    except NotImplementedError:
        raise  # a stub
    except Exception as error:
        return type(error).__name__, True, True


def placed(adapters, kind):
    """The step of a checkpoint there; whether what stood before it is safe, and the file open."""
    (model, optimizer), moves = small_pair(), []
    with passing_folder() as folder:
        path = os.path.join(folder, "checkpoint.pt")
        if kind == "PathLike":
            with noting(moves, "replace", "rename"):
                adapters.save_checkpoint(model, optimizer, 5, Place(path))
            return adapters.load_checkpoint(Place(path), model, optimizer), bool(moves), True
        named = tempfile.NamedTemporaryFile  # no subclass of io.IOBase, unlike what open() gives
        with named() if kind == "temporary" else open(path, "w+b") as file:
            file.write(HEADER)
            adapters.save_checkpoint(model, optimizer, 5, file)
            intact = not file.closed
            file.seek(0)
            header = file.read(len(HEADER))
            step = adapters.load_checkpoint(file, model, optimizer)
            return step, header == HEADER, intact and not file.closed


def checkpoint_of_thirds(adapters):
    """Modes after loading into models in training and in evaluation; whether 1/3 is the same."""
    buffer, (model, optimizer), modes = io.BytesIO(), small_pair(), []
    nn.init.constant_(model.double().weight, 1 / 3)
    adapters.save_checkpoint(model, optimizer, 1, buffer)
    for mode in (True, False):
        other, its_optimizer = small_pair()
        other.double().train(mode)
        buffer.seek(0)
        adapters.load_checkpoint(buffer, other, its_optimizer)
        modes.append(other.training)
    return modes, torch.equal(other.weight, model.weight)
