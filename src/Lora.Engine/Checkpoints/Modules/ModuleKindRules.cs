using System.Collections.Frozen;

namespace Lora.Checkpoints;

/// <summary>Tells what a module computes from its weight's shape, its name and the model's type.</summary>
internal static class ModuleKindRules
{
    private static readonly FrozenSet<string> EmbeddingRoles = FrozenSet.Create(
        StringComparer.Ordinal,
        "shared", "embed_tokens", "tok_embeddings", "wte", "embed_in", "word_embeddings", "wpe", "embed_positions", "position_embeddings",
        "token_type_embeddings", "relative_attention_bias", "tokens_embed", "positions_embed", "token_embedding", "position_embedding",
        "embeddings", "embedding");

    private static readonly FrozenSet<string> Conv1DRoles = FrozenSet.Create(StringComparer.Ordinal, "c_attn", "q_attn", "c_fc", "c_proj");

    private static readonly FrozenSet<string> Conv1DModels =
        FrozenSet.Create(StringComparer.Ordinal, "gpt2", "openai-gpt", "imagegpt", "decision_transformer");

    /// <summary>The kind of a module with this weight.</summary>
    /// <param name="role">The last part of the module's name.</param>
    /// <param name="weight">The weight; null for a module of other parameters.</param>
    /// <param name="usesConv1D">What <see cref="UsesConv1D"/> says of the model.</param>
    public static LoraModuleKind Infer(string role, TensorInfo? weight, bool usesConv1D) => weight?.Shape.Length switch
    {
        // Norms over heads have two dimensions (Cohere).
        1 or 2 when IsNorm(role) => LoraModuleKind.Norm,
        2 when EmbeddingRoles.Contains(role) => LoraModuleKind.Embedding,
        2 when IsPacked(weight.DataType) => LoraModuleKind.Other,
        2 when usesConv1D && Conv1DRoles.Contains(role) => LoraModuleKind.Conv1D,
        2 => LoraModuleKind.Linear,
        4 => LoraModuleKind.Conv2d,
        _ => LoraModuleKind.Other,
    };

    /// <summary>The kind of a module whose matrix is quantised; one whose shape is not known is no Linear that could be adapted.</summary>
    public static LoraModuleKind OfMatrix(string role, StoredMatrix stored) => stored.Shape is null ? LoraModuleKind.Other
        : EmbeddingRoles.Contains(role) ? LoraModuleKind.Embedding
        : LoraModuleKind.Linear;

    /// <summary>
    /// Whether c_attn and its like are GPT-2's transposed linears. The model's type says so; without one, a bias as long as the
    /// weight has columns does, for a Linear's bias is as long as its weight has rows.
    /// </summary>
    public static bool UsesConv1D(string? modelType, IEnumerable<ModuleNode> nodes) => modelType is not null
        ? Conv1DModels.Contains(modelType)
        : nodes.Any(node => Conv1DRoles.Contains(node.Role)
            && node.Weight is { Shape: [long rows, long columns] }
            && rows != columns
            && node.Parameters.Any(parameter => parameter.Shape is [long length] && length == columns));

    /// <summary>
    /// Whether a module chooses experts by a parameter of a class of its own, which LoRA does not adapt, where other families have a Linear: gpt-oss
    /// by its type, DeepSeek-V3 and those that follow it by the correction that a Linear does not have.
    /// </summary>
    public static bool IsRouter(string? modelType, ModuleNode node) =>
        (modelType == "gpt_oss" && node.Role == "router") || node.Parts.ContainsKey("e_score_correction_bias");

    /// <summary>
    /// Whether a module predicts the tokens after the next one. transformers leaves these blocks in the file when it loads a model, so an adapter of one
    /// would fit nothing: DeepSeek-V3 and GLM-4.5 number them after their own, Qwen3-Next and others call them mtp.
    /// </summary>
    public static bool IsPrediction(int? blocks, string name) =>
        name.Split('.').Take(2).Any(part => part == "mtp" || part.StartsWith("mtp_", StringComparison.Ordinal)) || ModuleDescription.Layer(name) >= blocks;

    private static bool IsNorm(string role) =>
        role.Contains("norm", StringComparison.OrdinalIgnoreCase) || role == "ln" || role.StartsWith("ln_", StringComparison.Ordinal);

    /// <summary>True for types in which quantised weights are packed, so that the shape is not that of the matrix.</summary>
    private static bool IsPacked(TensorDataType type) => type is TensorDataType.U8 or TensorDataType.I32 or TensorDataType.U32;
}
