namespace Lora;

/// <summary>How the learning rate goes on after the warm-up.</summary>
public enum TrainingSchedule
{
    /// <summary>From the peak along half a cosine to a tenth of it.</summary>
    Cosine,

    /// <summary>From the peak in a straight line to zero.</summary>
    Linear,

    /// <summary>The peak throughout.</summary>
    Constant,
}
