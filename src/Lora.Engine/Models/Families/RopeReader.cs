namespace Lora.Models;

/// <summary>Reads the rotation of a config.json: rope_theta and rope_scaling of transformers 4, rope_parameters of transformers 5.</summary>
internal static class RopeReader
{
    /// <summary>What is not computed is reported to the values.</summary>
    /// <param name="values">All of config.json.</param>
    /// <param name="headDimension">Values of a head.</param>
    /// <param name="kinds">Which kinds the family has.</param>
    /// <param name="theta">The base where the key is missing.</param>
    public static RopeParameters Read(ConfigValues values, int headDimension, RopeKinds kinds, double theta = 10000)
    {
        // Version 5 moved rope_theta into the object; version 4 has it beside.
        ConfigValues nested = values.Object("rope_parameters") ?? values.Object("rope_scaling") ?? values.Empty();
        RopeParameters rope = new(nested.NumberOrNull("rope_theta") ?? values.Number("rope_theta", theta))
        {
            Scaling = ReadScaling(nested, kinds),
            Factor = nested.Number("factor", 1),
            LowFrequencyFactor = nested.Number("low_freq_factor", 1),
            HighFrequencyFactor = nested.Number("high_freq_factor", 4),
            OriginalPositions = nested.Number("original_max_position_embeddings", 8192),
            RotatedPart = nested.NumberOrNull("partial_rotary_factor") ?? values.Number("partial_rotary_factor", 1),
        };

        int rotated = rope.RotatedValues(headDimension);
        if (rope.RotatedPart is not (> 0 and <= 1))
        {
            values.Report($"partial_rotary_factor {rope.RotatedPart} is not above 0 and at most 1");
        }
        else if (rotated % 2 != 0 || rotated == 0)
        {
            values.Report(rotated == headDimension
                ? $"head_dim {headDimension} is odd; the rotation needs pairs"
                : $"partial_rotary_factor {rope.RotatedPart} rotates {rotated} of head_dim {headDimension} values; the rotation needs pairs");
        }

        return rope.Scaling == RopeScaling.LongRope ? ReadLongRope(values, nested, rope, rotated) : rope;
    }

    private static RopeScaling ReadScaling(ConfigValues nested, RopeKinds kinds)
    {
        string kind = nested.Text("rope_type") ?? nested.Text("type") ?? "default";
        switch (kind)
        {
            case "default":
                return RopeScaling.None;
            case "linear" when kinds == RopeKinds.Usual:
                return RopeScaling.Linear;
            case "llama3" when kinds == RopeKinds.Usual:
                return RopeScaling.Llama3;

            // "su" is what Phi-3's first files call it.
            case "longrope" or "su" when kinds == RopeKinds.Long:
                return RopeScaling.LongRope;
            default:
                string known = kinds == RopeKinds.Long ? "default and longrope are" : "default, linear and llama3 are, and longrope in phi3";
                nested.ReportUnsupported($"rope scaling of type '{kind}' is not supported; {known}");
                return RopeScaling.None;
        }
    }

    /// <summary>The lists, and the factor of cos and sin: sqrt(1 + ln(f) / ln(original)) with f = positions / original.</summary>
    private static RopeParameters ReadLongRope(ConfigValues values, ConfigValues nested, RopeParameters rope, int rotated)
    {
        const double DefaultPositions = 4096;
        double original = nested.NumberOrNull("original_max_position_embeddings") ?? values.Number("original_max_position_embeddings", DefaultPositions);
        if (original <= 1)
        {
            values.Report($"original_max_position_embeddings is {original}; expected is more than 1");
        }

        double stretch = values.Number("max_position_embeddings", DefaultPositions) / original;
        return rope with
        {
            OriginalPositions = original,
            ShortFactors = nested.Positives("short_factor", rotated / 2),
            LongFactors = nested.Positives("long_factor", rotated / 2),
            AttentionFactor = nested.NumberOrNull("attention_factor") ?? (stretch <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(stretch) / Math.Log(original)))),
        };
    }
}

/// <summary>The scalings that a family's code in transformers has.</summary>
internal enum RopeKinds
{
    /// <summary>Linear and llama3.</summary>
    Usual,

    /// <summary>longrope alone (Phi-3).</summary>
    Long,
}
