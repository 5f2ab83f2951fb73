namespace Lora.Checkpoints;

/// <summary>The matrix that a quantised module's tensors stand for, whatever form they have on disk.</summary>
/// <param name="Scheme">What quantised it, as its users call it: GPTQ, AWQ, bitsandbytes NF4, ...</param>
/// <param name="Bits">Bits a weight; null when neither the tensors nor config.json say it.</param>
/// <param name="Outputs">Rows of the matrix; null when the headers do not tell it.</param>
/// <param name="Inputs">Columns of the matrix; null when the headers do not tell it.</param>
internal sealed record StoredMatrix(string Scheme, int? Bits, long? Outputs, long? Inputs)
{
    /// <summary>The shape [out, in]; null when the files do not tell it.</summary>
    public long[]? Shape => Outputs is > 0 && Inputs is > 0 ? [Outputs.Value, Inputs.Value] : null;

    /// <inheritdoc/>
    public override string ToString() => Bits is null ? Scheme : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Scheme} {Bits}-bit");
}
