namespace Lora.Models;

/// <summary>Reads the rotation of a config.json: rope_theta and rope_scaling of transformers 4, rope_parameters of transformers 5.</summary>
/// <param name="values">All of config.json.</param>
/// <param name="headDimension">Values of a head.</param>
/// <param name="kinds">Which kinds the family has.</param>
/// <param name="theta">The base where the file has none.</param>
/// <param name="part">The part of a head that is rotated, where the file has none.</param>
/// <remarks>
/// Where versions of transformers differ, the later one is taken: YaRN's factor as it is given, and its original length from
/// original_max_position_embeddings, or else from max_position_embeddings (4.47 always took the latter, 4.51 made the factor of the two).
/// </remarks>
internal sealed class RopeReader(ConfigValues values, int headDimension, RopeKinds kinds = RopeKinds.Usual, double theta = RopeReader.UsualTheta, double part = 1)
{
    public const double UsualTheta = 10000;

    private const string Original = "original_max_position_embeddings";
    private const double UsualPositions = 2048;

    /// <summary>The one rotation of a model. What is not computed is reported to the values.</summary>
    public RopeParameters Read() => Read(values.Object("rope_parameters") ?? values.Object("rope_scaling") ?? values.Empty());

    /// <summary>A rotation by the object that describes it, where a model has several.</summary>
    /// <param name="nested">rope_type, factor and the rest; version 5 moved rope_theta into it, version 4 has it beside.</param>
    public RopeParameters Read(ConfigValues nested)
    {
        RopeParameters rope = new(nested.NumberOrNull("rope_theta") ?? values.Number("rope_theta", theta))
        {
            Scaling = ReadScaling(nested),
            Factor = nested.Number("factor", 1),
            LowFrequencyFactor = nested.Number("low_freq_factor", 1),
            HighFrequencyFactor = nested.Number("high_freq_factor", 4),
            OriginalPositions = nested.Number(Original, 8192),
            RotatedPart = nested.NumberOrNull("partial_rotary_factor") ?? values.Number("partial_rotary_factor", part),
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

        return rope.Scaling switch
        {
            RopeScaling.Dynamic => ReadDynamic(rope, rotated),
            RopeScaling.Yarn => ReadYarn(nested, rope),
            RopeScaling.LongRope => ReadLongRope(nested, rope, rotated),
            _ => rope,
        };
    }

    private RopeScaling ReadScaling(ConfigValues nested)
    {
        string kind = nested.Text("rope_type") ?? nested.Text("type") ?? "default";
        switch (kind)
        {
            case "default":
                return RopeScaling.None;

            // Three positions a token, of place and time, which are one and the same in a text.
            case "mrope" when kinds == RopeKinds.Multimodal:
                return RopeScaling.None;
            case "linear" when kinds != RopeKinds.Long:
                return RopeScaling.Linear;
            case "dynamic" when kinds != RopeKinds.Long:
                return RopeScaling.Dynamic;
            case "llama3" when kinds != RopeKinds.Long:
                return RopeScaling.Llama3;
            case "yarn" when kinds != RopeKinds.Long:
                return RopeScaling.Yarn;

            // "su" is what Phi-3's first files call it.
            case "longrope" or "su" when kinds == RopeKinds.Long:
                return RopeScaling.LongRope;
            default:
                string known = kinds == RopeKinds.Long ? "default and longrope are" : "default, linear, dynamic, llama3 and yarn are, and longrope in phi3";
                nested.ReportUnsupported($"rope scaling of type '{kind}' is not supported; {known}");
                return RopeScaling.None;
        }
    }

    /// <summary>The original length is the model's own, max_position_embeddings.</summary>
    private RopeParameters ReadDynamic(RopeParameters rope, int rotated)
    {
        if (rotated == 2)
        {
            values.Report($"head_dim {headDimension} has one pair of values to rotate, which dynamic rope scaling cannot stretch");
        }

        return rope with { OriginalPositions = Positions("max_position_embeddings", values.Number("max_position_embeddings", UsualPositions)) };
    }

    private RopeParameters ReadYarn(ConfigValues nested, RopeParameters rope)
    {
        double own = values.Number("max_position_embeddings", UsualPositions);
        double original = Positions(Original, nested.NumberOrNull(Original) ?? own);
        double factor = nested.NumberOrNull("factor") ?? (own / original);
        if (rope.Theta <= 1)
        {
            values.Report($"rope_theta is {rope.Theta}; expected is more than 1");
        }

        return rope with
        {
            Factor = factor,
            OriginalPositions = original,
            FastTurns = nested.PositiveUnlessNull("beta_fast", rope.FastTurns) ?? rope.FastTurns,
            SlowTurns = nested.PositiveUnlessNull("beta_slow", rope.SlowTurns) ?? rope.SlowTurns,
            TruncatesRamp = nested.Flag("truncate", otherwise: true),
            AttentionFactor = nested.NumberOrNull("attention_factor") ?? RopeFrequencies.YarnFactor(factor, nested.NumberOrNull("mscale"), nested.NumberOrNull("mscale_all_dim")),
        };
    }

    /// <summary>The lists, and the factor of cos and sin: sqrt(1 + ln(f) / ln(original)) with f = positions / original.</summary>
    private RopeParameters ReadLongRope(ConfigValues nested, RopeParameters rope, int rotated)
    {
        const double DefaultPositions = 4096;
        double original = Positions(Original, nested.NumberOrNull(Original) ?? values.Number(Original, DefaultPositions));
        double stretch = values.Number("max_position_embeddings", DefaultPositions) / original;
        return rope with
        {
            OriginalPositions = original,
            ShortFactors = nested.Positives("short_factor", rotated / 2),
            LongFactors = nested.Positives("long_factor", rotated / 2),
            AttentionFactor = nested.NumberOrNull("attention_factor") ?? (stretch <= 1 ? 1 : Math.Sqrt(1 + (Math.Log(stretch) / Math.Log(original)))),
        };
    }

    private double Positions(string key, double positions)
    {
        if (positions <= 1)
        {
            values.Report($"{key} is {positions}; expected is more than 1");
        }

        return positions;
    }
}

/// <summary>The scalings that a family's code in transformers has.</summary>
internal enum RopeKinds
{
    /// <summary>Linear, dynamic, llama3 and yarn.</summary>
    Usual,

    /// <summary>The same, and positions in several dimensions (Qwen2-VL), which a text has one of.</summary>
    Multimodal,

    /// <summary>longrope alone (Phi-3).</summary>
    Long,
}
