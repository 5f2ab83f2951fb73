using Lora.Checkpoints;

namespace Lora.Quantization;

/// <summary>Which forms of quantised weights are read, and what reads each.</summary>
internal static class StoredForms
{
    private const string BitsAndBytes = "bitsandbytes";
    private static readonly string[] Known = ["GPTQ", "AWQ", "FP8", "INT8", "MXFP4", "compressed-tensors", BitsAndBytes];

    /// <summary>The forms that are read, for messages.</summary>
    public const string Names = "bitsandbytes NF4, FP4 and 8-bit, FP8, MXFP4, GPTQ, AWQ, and integers of compressed-tensors";

    /// <summary>Whether a form is read, by the name that <see cref="StoredMatrix"/> has for it.</summary>
    public static bool Reads(string scheme) => Known.Any(known => scheme.StartsWith(known, StringComparison.Ordinal));

    /// <summary>Whether a form stays as it is in memory, in 4 bits.</summary>
    public static bool Keeps(string scheme) => scheme is BitsAndBytes + " NF4" or BitsAndBytes + " FP4";

    /// <summary>Finds out how a weight is stored, and holds its tensors against the model's shape.</summary>
    /// <param name="stored">Its form.</param>
    /// <param name="parts">The tensors of its module.</param>
    /// <param name="parameter">The weight's name in the module: <c>weight</c>, or that of experts in one tensor.</param>
    /// <param name="shape">The shape of its values: [out, in] or [experts, in, out].</param>
    /// <exception cref="LoraException">QuantizedWeightInvalid.</exception>
    public static StoredWeight Of(StoredMatrix stored, StoredParts parts, string parameter, long[] shape)
    {
        StoredWeight weight = shape switch
        {
            [_, _, _] => new MicroscaledWeight(parts, parameter, shape),
            [long outputs, long inputs] => OfMatrix(stored, parts, outputs, inputs),
            _ => throw parts.Invalid($"the model has [{string.Join(", ", shape)}] there"),
        };
        parts.RefuseOthers();
        return weight;
    }

    private static StoredWeight OfMatrix(StoredMatrix stored, StoredParts parts, long outputs, long inputs) => stored.Scheme switch
    {
        "GPTQ" => new GptqWeight(parts, outputs, inputs),
        "AWQ" => parts.Stated?.Version switch
        {
            null or "gemm" => new AwqWeight(parts, outputs, inputs),
            "gemv" => new AwqVectorWeight(parts, outputs, inputs),
            string other => throw parts.Invalid($"config.json calls its version '{other}'; gemm and gemv are read"),
        },
        "FP8" => new Float8Weight(parts, outputs, inputs),
        "MXFP4" => new MicroscaledWeight(parts, outputs, inputs),
        "compressed-tensors" => new PackedIntegerWeight(parts, outputs, inputs),
        _ when parts.Names.FirstOrDefault(name => name.StartsWith(BitsAndBytesState.Prefix, StringComparison.Ordinal)) is string state => new BitsAndBytesWeight(parts, state, outputs, inputs),
        "INT8" or BitsAndBytes => new Int8Weight(parts, outputs, inputs),
        _ => throw parts.Invalid("it lacks its quant_state"),
    };
}
