using System.Globalization;

namespace Lora;

/// <summary>A model that was written with an adapter in its weights.</summary>
public sealed record LoraModelExport
{
    /// <summary>The folder or the file.</summary>
    public string Path { get; init; } = "";

    /// <summary>Bytes of all that was written.</summary>
    public long Size { get; init; }

    /// <summary>What the written model was found to compute.</summary>
    public LoraExportVerification Verification { get; init; } = LoraExportVerification.Skipped;

    /// <summary>Whether it was proven.</summary>
    public LoraExportOutcome Outcome => Verification.Outcome;

    /// <inheritdoc cref="LoraExportVerification.LargestDifference"/>
    public double? LargestDifference => Verification.LargestDifference;

    /// <inheritdoc cref="LoraExportVerification.Divergence"/>
    public double? Divergence => Verification.Divergence;

    /// <inheritdoc cref="LoraExportVerification.TopAgreement"/>
    public double? TopAgreement => Verification.TopAgreement;

    /// <summary>What is good to know and no more.</summary>
    public string[] Note { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => $"{Path}: {Verification}";
}

/// <summary>What holding a written model against its base with the adapter came to.</summary>
public sealed record LoraExportVerification
{
    /// <summary>Nothing was compared, as it was asked for.</summary>
    internal static LoraExportVerification Skipped { get; } = new() { Outcome = LoraExportOutcome.Skipped, Reason = "it was not asked for" };

    /// <summary>Whether it was proven.</summary>
    public LoraExportOutcome Outcome { get; init; }

    /// <summary>Why it was not compared; null where it was.</summary>
    public string? Reason { get; init; }

    /// <summary>What both read; empty where nothing was compared.</summary>
    public string Text { get; init; } = "";

    /// <summary>Places whose predictions were compared.</summary>
    public int TokenCount { get; init; }

    /// <summary>The largest difference of two logits; null where nothing was compared.</summary>
    public double? LargestDifference { get; init; }

    /// <summary>KL divergence of the written model's predictions from those of the base with the adapter, the mean over places, in nats.</summary>
    public double? Divergence { get; init; }

    /// <summary>The share of places whose likeliest token is the same.</summary>
    public double? TopAgreement { get; init; }

    /// <inheritdoc/>
    public override string ToString() => LargestDifference is null
        ? $"not verified, since {Reason}"
        : string.Create(CultureInfo.InvariantCulture, $"{(Outcome == LoraExportOutcome.Proven ? "verified" : "measured")} on {Text} ({TokenCount} tokens): largest logit difference {LargestDifference:G3}, KL divergence {Divergence:G3} nats, the likeliest token the same in {TopAgreement:P1}");

    /// <summary>Nothing was compared.</summary>
    internal static LoraExportVerification Not(string reason) => new() { Outcome = LoraExportOutcome.Unverified, Reason = reason };
}

/// <summary>Whether a written model was held against its base with the adapter.</summary>
public enum LoraExportOutcome
{
    /// <summary>It is the base, with the adapter where there is one, rounded to the file's types and no further away than float32 leaves open.</summary>
    Proven,

    /// <summary>Its weights are quantised: how far away it is was measured and is for people to judge.</summary>
    Measured,

    /// <summary>What the model computes is not known here, or not with this adapter.</summary>
    Unverified,

    /// <summary>The proof was not wanted.</summary>
    Skipped,
}
