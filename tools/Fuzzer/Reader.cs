namespace Lora.Tools.Fuzzer;

/// <summary>A reader of the engine under test.</summary>
/// <param name="Name">What the command line and the report call it.</param>
/// <param name="Share">How many of a thousand inputs are its own: the more, the quicker it answers.</param>
/// <param name="Open">Puts undamaged files into an empty folder and readies what the reader needs.</param>
internal sealed record Reader(string Name, int Share, Func<string, OpenReader> Open);

/// <summary>A reader with the files that it reads.</summary>
/// <param name="Damage">Chooses one of the files and damages it.</param>
/// <param name="Read">Reads all that can be read; anything but a <see cref="LoraException"/> is a fault.</param>
internal sealed record OpenReader(Func<Random, Input> Damage, Action<Input> Read);

/// <summary>A file in place of an undamaged one.</summary>
/// <param name="File">Its name within the reader's folder.</param>
/// <param name="Content">What is in it.</param>
internal sealed record Input(string File, byte[] Content);
