"""Train a network of ReLUs, of snnTorch's or of SpikingJelly's neurons with PyTorch in turns, on one thread."""

import importlib.metadata
import re
import sys

import turns

parser = turns.arguments(__doc__.splitlines()[0])
parser.add_argument("--model", choices=("relu", "snntorch", "spikingjelly"), required=True)
parser.add_argument("--hidden", nargs="+", required=True, help="such as 400, or 32C5 P2 64C5s2 P2")
parser.add_argument("--steps", type=int, default=10, help="time steps of the spiking ones (%(default)s)")
parser.add_argument("--batch", type=int, default=128, help="%(default)s")
parser.add_argument("--rate", type=float, default=1e-3, help="learning rate (%(default)g)")
options = parser.parse_args()
try:
    import torch
    from torch import nn
    from torch.nn import functional

    if options.model == "snntorch":
        import snntorch
        from snntorch import surrogate
    elif options.model == "spikingjelly":
        from spikingjelly.activation_based import functional as in_steps
        from spikingjelly.activation_based import layer, neuron, surrogate
except ImportError as error:
    sys.exit(f"{options.model} cannot be imported: {error}")

CLASSES = 10


def activation():
    """Return what follows every layer of weights."""
    if options.model == "snntorch":
        return snntorch.Leaky(beta=0.9, spike_grad=surrogate.fast_sigmoid())
    if options.model == "spikingjelly":
        return neuron.LIFNode(tau=2.0, decay_input=False, surrogate_function=surrogate.ATan())
    return nn.ReLU()


def modules(shape):
    """Return the modules of the network for samples of a shape (channels, height, width).

    Each side of a map is known from the modules before, by running them on one sample of zeros.
    """
    kind = layer if options.model == "spikingjelly" else nn
    made, sample = [], torch.zeros(1, *shape)
    for text in [*options.hidden, str(CLASSES)]:
        convolution = re.fullmatch(r"(\d+)C(\d+)(?:s(\d+))?", text)
        if convolution:
            channels, kernel, stride = (int(number or 1) for number in convolution.groups())
            new = [kind.Conv2d(sample.shape[1], channels, kernel, stride=stride)]
        elif text.startswith("P"):
            new = [kind.AvgPool2d(int(text[1:]))]
        else:
            new = [kind.Flatten()] if sample.dim() > 2 else []
            new.append(kind.Linear(sample[0].numel(), int(text)))
        if options.model == "spikingjelly" and not text.startswith("P"):
            # With PyTorch's own initial weights and no normalisation the deeper layers never spike.
            nn.init.kaiming_uniform_(new[-1].weight, nonlinearity="relu")
        for module in new:
            sample = module(sample)
        made += new if text.startswith("P") else [*new, activation()]
    # Class scores of the ReLU network are the last layer itself.
    return made[:-1] if options.model == "relu" else made


def scores(net, values, rates=None):
    """Return the class scores of a batch; append the mean spikes a step of every layer to the list `rates`."""
    if options.model == "relu":
        return net(values)
    if options.model == "spikingjelly":
        in_steps.reset_net(net)
        sequence = values.unsqueeze(0).repeat(options.steps, *[1] * values.dim())
        if rates is None:
            return net(sequence).mean(0)
        for module in net:
            sequence = module(sequence)
            if isinstance(module, neuron.LIFNode):
                rates.append(float(sequence.mean()))
        return sequence.mean(0)
    potentials = {module: module.init_leaky() for module in net if isinstance(module, snntorch.Leaky)}
    spikes = dict.fromkeys(potentials, 0.0)
    total = 0.0
    for _ in range(options.steps):
        signal = values
        for module in net:
            if module not in potentials:
                signal = module(signal)
                continue
            signal, potentials[module] = module(signal, potentials[module])
            if rates is not None:
                spikes[module] += float(signal.mean()) / options.steps
        # The loss is on the membrane of the outputs, the only layer whose potential the loop still knows here.
        total = total + potentials[module]
    if rates is not None:
        rates.extend(spikes.values())
    return total / options.steps


def encoded(batch):
    """Return a batch of images as PyTorch takes them."""
    return (torch.from_numpy(batch).to(torch.float32) / 255.0).permute(0, 3, 1, 2)


torch.set_num_threads(1)
torch.set_num_interop_threads(1)
torch.manual_seed(1)
images, labels = turns.samples(options.data)
labels = torch.from_numpy(labels)
net = nn.Sequential(*modules((images.shape[3], *images.shape[1:3])))
if options.model == "spikingjelly":
    in_steps.set_step_mode(net, "m")
optimizer = torch.optim.AdamW(net.parameters(), lr=options.rate)
conversation = turns.Turns(program=options.model, torch=torch.__version__, version=importlib.metadata.version(
    "torch" if options.model == "relu" else options.model))
while conversation.wait():
    total = 0.0
    order = torch.randperm(len(images)).numpy()
    for start in range(0, len(order), options.batch):
        index = order[start:start + options.batch]
        loss = functional.cross_entropy(scores(net, encoded(images[index])), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += float(loss) * len(index)
    conversation.stop()
    conversation.reply(loss=total / len(images))
if options.model != "relu":
    # Asked for once the last turn is over, so that counting the spikes costs the training nothing.
    rates = []
    with torch.no_grad():
        scores(net, encoded(images[:options.batch]), rates)
    conversation.stop()
    conversation.reply(rates=rates)
