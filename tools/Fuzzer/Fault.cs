namespace Lora.Tools.Fuzzer;

/// <summary>What is never right, whatever a file holds.</summary>
internal enum FaultKind
{
    /// <summary>An exception that is no <see cref="LoraException"/>, or one whose message a terminal or a reader cannot take.</summary>
    Untyped,

    /// <summary>The process ended.</summary>
    Abort,

    /// <summary>An answer that took too long, or none.</summary>
    Slow,

    /// <summary>More memory than files of that size are worth.</summary>
    Memory,
}

/// <summary>A fault that an input brought about.</summary>
internal sealed record Fault(long Index, FaultKind Kind, string What)
{
    /// <summary>The fault as a line between processes.</summary>
    public override string ToString() => $"fault\t{Index}\t{Kind}\t{What.ReplaceLineEndings(" ")}";

    /// <summary>Reads such a line; null for any other.</summary>
    public static Fault? Parse(string? line) => line?.Split('\t', 4) is ["fault", string index, string kind, string what]
        ? new(long.Parse(index, System.Globalization.CultureInfo.InvariantCulture), Enum.Parse<FaultKind>(kind), what)
        : null;
}
