namespace Lora.Commands;

/// <summary>Completes -Device.</summary>
public sealed class DeviceCompleter() : FixedCompleter(
    ("auto", "The first CUDA device, or the CPU when there is none"),
    ("cpu", "The CPU"),
    ("cuda", "The first CUDA device"),
    ("cuda:0", "A CUDA device by its number"));
