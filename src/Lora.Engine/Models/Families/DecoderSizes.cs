namespace Lora.Models;

/// <summary>The sizes that most decoders state under the same keys, and the parts of a block that they make with the names that most use.</summary>
internal sealed record DecoderSizes
{
    private const int MostLayers = 10_000;

    public required int VocabularySize { get; init; }

    /// <inheritdoc cref="TaskShape.Positions"/>
    public int? Positions { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    public required int KeyValueHeads { get; init; }

    public required int HeadDimension { get; init; }

    /// <summary>What norms add to the mean of the squares.</summary>
    public required double NormEpsilon { get; init; }

    /// <summary>What norms compute.</summary>
    public NormKind NormKind { get; init; }

    /// <summary>The rotation; null for none.</summary>
    public RopeParameters? Rope { get; init; }

    /// <summary>Whether the head shares the embedding's table.</summary>
    public bool IsTied { get; init; }

    /// <summary>Reads them.</summary>
    /// <param name="values">config.json.</param>
    /// <param name="family">For whether heads are tied where the file does not say.</param>
    /// <param name="keyValueHeads">Key/value heads when the key is missing; null for as many as query heads.</param>
    /// <param name="headDimension">Head size when the key is missing; null for hidden size / heads.</param>
    /// <param name="epsilon">Of norms, when the key is missing.</param>
    /// <param name="theta">The rotation's base, when the key is missing.</param>
    /// <param name="kinds">The scalings of the rotation that the family has.</param>
    /// <param name="rotatedPart">The part of a head that is rotated, where the key is missing; 0 for families without a rotation.</param>
    /// <param name="widening">How many times the hidden size the MLP is wide where the key is missing; 0 where it has to be there.</param>
    /// <param name="hasHeadKeys">Whether num_key_value_heads and head_dim are keys of the family. A file of another may have them; transformers does not read them there.</param>
    public static DecoderSizes Read(
        ConfigValues values,
        ModelFamily family,
        int? keyValueHeads = null,
        int? headDimension = null,
        double epsilon = 1e-6,
        double theta = RopeReader.UsualTheta,
        RopeKinds kinds = RopeKinds.Usual,
        double rotatedPart = 1,
        int widening = 0,
        bool hasHeadKeys = true)
    {
        int hidden = values.Count("hidden_size");
        int heads = values.Count("num_attention_heads");

        // Not always hidden / heads: Qwen3 and Gemma have a head size of their own.
        int equalShare = hidden / Math.Max(heads, 1);
        int dimension = hasHeadKeys ? values.Count("head_dim", headDimension ?? equalShare) : equalShare;
        DecoderSizes sizes = new()
        {
            VocabularySize = values.Count("vocab_size"),
            Positions = values.CountOrNull("max_position_embeddings"),
            HiddenSize = hidden,
            IntermediateSize = widening > 0 ? values.Count("intermediate_size", widening * hidden) : values.Count("intermediate_size"),
            Layers = ReadLayers(values, heads, dimension),
            Heads = heads,
            KeyValueHeads = hasHeadKeys ? values.Count("num_key_value_heads", keyValueHeads ?? heads) : heads,
            HeadDimension = dimension,
            NormEpsilon = values.Number("rms_norm_eps", epsilon),
            Rope = rotatedPart > 0 ? new RopeReader(values, dimension, kinds, theta, rotatedPart).Read() : null,
            // save_pretrained leaves the key out where it has the default of the class, so that its absence means one or the other.
            IsTied = values.Flag("tie_word_embeddings", family.Names.TiedByDefault),
        };
        sizes.CheckGroups(values);
        return sizes;
    }

    /// <summary>The number of blocks. Lists of this length are made before the checkpoint has been asked (<see cref="RequiredTensors"/>): the file can state any.</summary>
    public static int ReadLayers(ConfigValues values, int heads, int headDimension)
    {
        int layers = values.Count("num_hidden_layers");
        if (layers > MostLayers || (long)heads * headDimension > ConfigValues.MostCount)
        {
            values.Report(layers > MostLayers ? $"{values.NameOf("num_hidden_layers")} is {layers}; expected are at most {MostLayers}" : $"{values.NameOf("num_attention_heads")} {heads} x head_dim {headDimension} is more than {ConfigValues.MostCount}");
            values.ThrowIfAnyProblem();
        }

        return layers;
    }

    /// <summary>A norm of hidden states.</summary>
    public NormShape Norm(string name) => new(name, HiddenSize, NormEpsilon) { Kind = NormKind };

    /// <summary>A norm over one head.</summary>
    public NormShape HeadNorm(string name) => new(name, HeadDimension, NormEpsilon) { Kind = NormKind };

    /// <summary>Attention as Llama has it.</summary>
    public AttentionShape Attention() => new() { HiddenSize = HiddenSize, Heads = Heads, KeyValueHeads = KeyValueHeads, HeadDimension = HeadDimension, Rope = Rope };

    /// <summary>The MLP as Llama has it.</summary>
    public GatedMlpShape GatedMlp() => new(HiddenSize, IntermediateSize);

    /// <summary>An MLP of two layers.</summary>
    public PlainMlpShape PlainMlp(string up, string down, string activation) => new(HiddenSize, IntermediateSize, activation) { Up = up, Down = down };

    /// <summary>A block as Llama has it.</summary>
    public PreNormShape PreNorm(AttentionShape attention, MlpShape mlp) => new(Norm("input_layernorm"), attention, Norm("post_attention_layernorm"), mlp);

    /// <summary>A model with the names that Llama has.</summary>
    /// <param name="family">The family.</param>
    /// <param name="block">Makes the block of a number.</param>
    public ModelShape Model(ModelFamily family, Func<int, BlockShape> block) => new()
    {
        Family = family,
        VocabularySize = VocabularySize,
        Positions = Positions,
        HiddenSize = HiddenSize,
        Blocks = [.. Enumerable.Range(0, Layers).Select(block)],
        FinalNorm = Norm("norm"),
        Head = new() { IsTied = IsTied },
    };

    private void CheckGroups(ConfigValues values)
    {
        // Reported with all else that is wrong, so that a file is mended once.
        if (Heads % KeyValueHeads != 0)
        {
            values.Report($"{values.NameOf("num_attention_heads")} {Heads} is not a multiple of {values.NameOf("num_key_value_heads")} {KeyValueHeads}");
        }
    }
}
