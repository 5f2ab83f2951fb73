using Lora.Data;

namespace Lora.Models;

/// <summary>The sizes that BERT's kin state under the same keys, and what they make with the names that BERT has.</summary>
internal sealed record EncoderSizes
{
    private const int MostLayers = 10_000;

    public required int VocabularySize { get; init; }

    public required int HiddenSize { get; init; }

    public required int IntermediateSize { get; init; }

    public required int Layers { get; init; }

    public required int Heads { get; init; }

    /// <summary>Rows of the table of positions.</summary>
    public required int Positions { get; init; }

    public required int TokenTypes { get; init; }

    public required string Activation { get; init; }

    public required double Epsilon { get; init; }

    /// <inheritdoc cref="EncoderEmbeddingShape.PaddingId"/>
    public int? PaddingId { get; init; }

    /// <summary>Reads them; keys that are missing have BERT's values.</summary>
    public static EncoderSizes Read(ConfigValues values, double epsilon)
    {
        int hidden = values.Count("hidden_size", 768), heads = values.Count("num_attention_heads", 12);
        CheckHeads(values, hidden, heads, "hidden_size", "num_attention_heads");
        if (values.Text("position_embedding_type") is string kind and not "absolute")
        {
            values.ReportUnsupported($"position_embedding_type is '{kind}'; computed is absolute");
        }

        if (values.Flag("is_decoder"))
        {
            values.ReportUnsupported("is_decoder is true; every token sees all others");
        }

        return new()
        {
            VocabularySize = values.Count("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = values.Count("intermediate_size", 3072),
            Layers = ReadLayers(values, "num_hidden_layers", 12),
            Heads = heads,
            Positions = values.Count("max_position_embeddings", 512),
            TokenTypes = values.Count("type_vocab_size", 2),
            Activation = Activations.Read(values, "hidden_act", "gelu"),
            Epsilon = values.Number("layer_norm_eps", epsilon),
        };
    }

    /// <summary>The number of blocks, of which lists are made before the checkpoint has been asked: the file can state any.</summary>
    public static int ReadLayers(ConfigValues values, string key, int otherwise)
    {
        int layers = values.Count(key, otherwise);
        if (layers > MostLayers)
        {
            values.Report($"{key} is {layers}; expected are at most {MostLayers}");
            values.ThrowIfAnyProblem();
        }

        return layers;
    }

    /// <summary>The id of a token that the model is given, or null where the file has none.</summary>
    public static int? ReadId(ConfigValues values, string key, int vocabulary)
    {
        int? id = values.IdOrNull(key);
        if (id >= vocabulary)
        {
            values.Report($"{key} is {id}, and there are {vocabulary} tokens");
        }

        return id;
    }

    /// <summary>Holds the width to a whole number of values a head.</summary>
    public static void CheckHeads(ConfigValues values, int width, int heads, string widthKey, string headsKey)
    {
        if (width % heads != 0)
        {
            values.Report($"{widthKey} {width} is not a multiple of {headsKey} {heads}");
        }
    }

    /// <summary>The head of masked language modelling.</summary>
    public TokenHeadShape TokenHead(string dense, string norm, string decoder, string bias) => new(dense, Norm(norm), decoder, bias)
    {
        HiddenSize = HiddenSize,
        VocabularySize = VocabularySize,
        Activation = Activation,
    };

    /// <summary>A model with the names that BERT has.</summary>
    public EncoderShape Model(EncoderFamily family, LearnedTask task, TaskHeadShape head) => new()
    {
        Family = family,
        Task = task,
        VocabularySize = VocabularySize,

        // A table that counts from the padding's row on has its rows for fewer tokens.
        Positions = PaddingId is int padding ? Math.Max(1, Positions - padding - 1) : Positions,
        Embedding = new() { HiddenSize = HiddenSize, Positions = Positions, TokenTypes = TokenTypes, PaddingId = PaddingId, Norm = Norm("LayerNorm") },
        Layers = Layers,
        BlockList = "encoder.layer",
        Block = new()
        {
            HiddenSize = HiddenSize,
            IntermediateSize = IntermediateSize,
            Heads = Heads,
            Projections = ["attention.self.query", "attention.self.key", "attention.self.value"],
            Output = "attention.output.dense",
            AttentionNorm = Norm("attention.output.LayerNorm"),
            Up = "intermediate.dense",
            Down = "output.dense",
            MlpNorm = Norm("output.LayerNorm"),
            Activation = Activation,
        },
        Head = head,
    };

    private NormShape Norm(string name) => new(name, HiddenSize, Epsilon) { Kind = NormKind.Layer };
}
