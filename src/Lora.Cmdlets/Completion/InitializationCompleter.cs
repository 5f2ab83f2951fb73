namespace Lora.Commands;

/// <summary>Completes -Initialization.</summary>
public sealed class InitializationCompleter() : FixedCompleter(
    ("true", "A Kaiming-uniform, B zero"),
    ("false", "A and B random: the start is not the base model"),
    ("gaussian", "A normal with deviation 1/rank, B zero"),
    ("orthogonal", "A and B random with a product of zero"),
    ("pissa", "The base weight's leading singular directions"),
    ("pissa_niter_4", "The same by a randomised decomposition"),
    ("olora", "The base weight's QR factors"));
