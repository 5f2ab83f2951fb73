namespace Lora;

/// <summary>Which biases of the base model are trained together with the adapter.</summary>
public enum LoraBias
{
    /// <summary>No bias.</summary>
    None,

    /// <summary>Every bias of the model.</summary>
    All,

    /// <summary>The biases of the adapted modules.</summary>
    LoraOnly,
}
