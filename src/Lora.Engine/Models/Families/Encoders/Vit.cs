using Lora.Checkpoints;
using Lora.Data;

namespace Lora.Models;

/// <summary>ViT (Google, arXiv 2010.11929) with a classifier.</summary>
/// <remarks>
/// Patches are cut and projected by one convolution; the place of the class goes before them, and a table of positions is added.
/// The blocks have <see cref="Bert"/>'s parts, with norms before attention and MLP, and one more norm at the end.
/// Biases on q, k and v unless qkv_bias says otherwise; GELU by the error function; layer_norm_eps 1e-12.
/// The classifier is one layer on the place of the class.
/// Images come as tensors (<see cref="LoraImageModel"/>), never from files.
/// </remarks>
internal static class Vit
{
    private const double Epsilon = 1e-12;
    private const int MostPatches = 4096; // along a side: their number stays within 32 bits

    /// <summary>The names that do not hang on a configuration.</summary>
    public static FamilyNames Names { get; } = new("vit", OutputHead: null, TiedByDefault: false);

    /// <summary>The model that a folder's config.json describes.</summary>
    /// <exception cref="LoraException">ConfigMissing, ConfigInvalid, ConfigUnsupported or ModelTypeUnknown.</exception>
    public static VisionShape Read(string folder) => ModelConfigReader.Open(folder, Read);

    private static VisionShape Read(ConfigValues values)
    {
        if (values.Text("model_type") is not "vit")
        {
            throw LoraException.Of(LoraError.ModelTypeUnknown, values.Path, values.Path, values.Text("model_type") ?? "", "vit");
        }

        int hidden = values.Count("hidden_size", 768), heads = values.Count("num_attention_heads", 12);
        EncoderSizes.CheckHeads(values, hidden, heads, "hidden_size", "num_attention_heads");
        NormShape norm = new("", hidden, values.Number("layer_norm_eps", Epsilon)) { Kind = NormKind.Layer };
        VisionShape shape = new()
        {
            Task = new(TaskKind.SequenceClassification),
            VocabularySize = 0,
            ImageSize = values.Count("image_size", 224),
            PatchSize = values.Count("patch_size", 16),
            Channels = values.Count("num_channels", 3),
            Layers = EncoderSizes.ReadLayers(values, "num_hidden_layers", 12),
            InitializerRange = TaskReader.ReadInitializerRange(values),
            Block = new()
            {
                HiddenSize = hidden,
                IntermediateSize = values.Count("intermediate_size", 3072),
                Heads = heads,
                Projections = ["attention.attention.query", "attention.attention.key", "attention.attention.value"],
                Output = "attention.output.dense",
                AttentionNorm = norm with { Name = "layernorm_before" },
                Up = "intermediate.dense",
                Down = "output.dense",
                MlpNorm = norm with { Name = "layernorm_after" },
                Activation = Activations.Read(values, "hidden_act", "gelu"),
                Bias = values.Flag("qkv_bias", otherwise: true),
                NormsFirst = true,
            },
            FinalNorm = norm with { Name = "layernorm" },
            Head = new("classifier", hidden, Math.Max(1, values.Texts("id2label")?.Count ?? 2)),
        };
        if (shape.ImageSize % shape.PatchSize != 0 || shape.ImageSize / shape.PatchSize > MostPatches)
        {
            values.Report($"image_size {shape.ImageSize} is not a multiple of patch_size {shape.PatchSize}, at most {MostPatches} times as large");
        }

        values.ThrowIfAnyProblem();
        return shape;
    }
}
