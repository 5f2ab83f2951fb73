using System.Globalization;
using Lora.Native;
using static TorchSharp.torch;

namespace Lora.Adapters;

/// <summary>How A and B begin, by the names of PEFT's <c>init_lora_weights</c>.</summary>
internal abstract class LoraInitialization
{
    private const string PissaIterations = "pissa_niter_";

    /// <summary>Whether the product of A and B starts away from zero and is subtracted from the base, so that training starts at the base model.</summary>
    public virtual bool ChangesBase => false;

    /// <summary>Whether a start that changes the base is drawn at random, so that it is not found again from the base alone.</summary>
    public virtual bool IsRandom => false;

    /// <summary>The initialisation of a name that the configuration's checks let through.</summary>
    public static LoraInitialization Of(string name) => name.ToLowerInvariant() switch
    {
        // Adapters that began otherwise without a change of the base have their values in the file.
        "true" or "eva" or "mica" => new ZeroProductInitialization(),
        "false" => new RandomProductInitialization(),
        "gaussian" => new GaussianInitialization(),
        "orthogonal" => new OrthogonalInitialization(),
        "olora" => new OloraInitialization(),
        "pissa" => new PissaInitialization(iterations: null),
        string other when other.StartsWith(PissaIterations, StringComparison.Ordinal) =>
            new PissaInitialization(int.Parse(other[PissaIterations.Length..], CultureInfo.InvariantCulture)),
        _ => throw LoraException.Of(LoraError.AdapterFeatureUnsupported, name, nameof(LoraConfig), $"the initialisation '{name}'"),
    };

    /// <summary>Fills A and B in place.</summary>
    /// <param name="down">A, [rank, in].</param>
    /// <param name="up">B, [out, rank].</param>
    /// <param name="weight">Gives the base weight in float32, [out, in], to starts that hang on it: it is as large as the base has it, or twice, or eight times.</param>
    /// <param name="scaling">The factor s.</param>
    /// <param name="generator">Where random values are drawn from.</param>
    public abstract void Fill(Tensor down, Tensor up, Func<Tensor> weight, double scaling, Generator generator);

    /// <summary>Fills A and B of an embedding: A zero, B normal, which is PEFT's start for embeddings under all names but <c>false</c>.</summary>
    /// <param name="down">A, [rank, rows].</param>
    /// <param name="up">B, [width, rank].</param>
    /// <param name="generator">Where random values are drawn from.</param>
    public virtual void FillEmbedding(Tensor down, Tensor up, Generator generator)
    {
        down.zero_();
        SeededDraws.Normal(up, 1, generator);
    }

    /// <summary>Kaiming's uniform bound for a = sqrt(5), which is ±1/sqrt(fan in).</summary>
    protected static void FillKaiming(Tensor tensor, Generator generator)
    {
        double bound = 1 / Math.Sqrt(tensor.shape[1]);
        SeededDraws.Uniform(tensor, -bound, bound, generator); // nn.init's functions take a generator and do not use it
    }
}
