"""The table of works that stages cite, by key."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One publication; `kind` is its BibTeX type, `venue` a journal, school or archive."""

    kind: str
    authors: str
    title: str
    venue: str
    year: int
    volume: str = ""
    pages: str = ""
    doi: str = ""

    @property
    def text(self) -> str:
        """The reference as a reader wants it."""
        place = self.venue + (f" {self.volume}" if self.volume else "")
        place += f":{self.pages.replace('--', '–')}" if self.pages else ""
        doi = f" doi:{self.doi}" if self.doi else ""
        return f"{self.authors.replace(' and ', ', ')} ({self.year}). {self.title}. {place}.{doi}"

    def bibtex(self, key: str) -> str:
        """Write the reference as a BibTeX entry."""
        place = {"article": "journal", "phdthesis": "school", "misc": "howpublished"}[self.kind]
        fields = {
            "author": self.authors,
            "title": f"{{{self.title}}}",
            place: self.venue,
            "year": str(self.year),
            "volume": self.volume,
            "pages": self.pages,
            "doi": self.doi,
        }
        lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
        return "\n".join([f"@{self.kind}{{{key},", *lines, "}"]) + "\n"


WORKS = {
    "aal": Work(
        kind="article",
        authors="Tzourio-Mazoyer, N. and Landeau, B. and Papathanassiou, D. and others",
        title="Automated anatomical labeling of activations in SPM using a macroscopic "
        "anatomical parcellation of the MNI MRI single-subject brain",
        venue="NeuroImage",
        year=2002,
        volume="15",
        pages="273--289",
        doi="10.1006/nimg.2001.0978",
    ),
    "alexander2001": Work(
        kind="article",
        authors="Alexander, D. C. and Pierpaoli, C. and Basser, P. J. and Gee, J. C.",
        title="Spatial transformations of diffusion tensor magnetic resonance images",
        venue="IEEE Transactions on Medical Imaging",
        year=2001,
        volume="20",
        pages="1131--1139",
        doi="10.1109/42.963816",
    ),
    "alps_script": Work(
        kind="misc",
        authors="Barisano, G.",
        title="alps: automatic calculation of the DTI-ALPS index (alps.sh)",
        venue="https://github.com/gbarisano/alps",
        year=2022,
    ),
    "andersson2003": Work(
        kind="article",
        authors="Andersson, J. L. R. and Skare, S. and Ashburner, J.",
        title="How to correct susceptibility distortions in spin-echo echo-planar images: "
        "application to diffusion tensor imaging",
        venue="NeuroImage",
        year=2003,
        volume="20",
        pages="870--888",
        doi="10.1016/S1053-8119(03)00336-7",
    ),
    "andersson2016": Work(
        kind="article",
        authors="Andersson, J. L. R. and Graham, M. S. and Zsoldos, E. and Sotiropoulos, S. N.",
        title="Incorporating outlier detection and replacement into a non-parametric framework "
        "for movement and distortion correction of diffusion MR images",
        venue="NeuroImage",
        year=2016,
        volume="141",
        pages="556--572",
        doi="10.1016/j.neuroimage.2016.06.058",
    ),
    "ants_syn": Work(
        kind="article",
        authors="Avants, B. B. and Epstein, C. L. and Grossman, M. and Gee, J. C.",
        title="Symmetric diffeomorphic image registration with cross-correlation: evaluating "
        "automated labeling of elderly and neurodegenerative brain",
        venue="Medical Image Analysis",
        year=2008,
        volume="12",
        pages="26--41",
        doi="10.1016/j.media.2007.06.004",
    ),
    "antspy": Work(
        kind="article",
        authors="Tustison, N. J. and Cook, P. A. and Holbrook, A. J. and others",
        title="The ANTsX ecosystem for quantitative biological and medical imaging",
        venue="Scientific Reports",
        year=2021,
        volume="11",
        pages="9068",
        doi="10.1038/s41598-021-87564-6",
    ),
    "atropos": Work(
        kind="article",
        authors="Avants, B. B. and Tustison, N. J. and Wu, J. and Cook, P. A. and Gee, J. C.",
        title="An open source multivariate framework for n-tissue segmentation with evaluation "
        "on public data",
        venue="Neuroinformatics",
        year=2011,
        volume="9",
        pages="381--400",
        doi="10.1007/s12021-011-9109-y",
    ),
    "basser1996": Work(
        kind="article",
        authors="Basser, P. J. and Pierpaoli, C.",
        title="Microstructural and physiological features of tissues elucidated by "
        "quantitative-diffusion-tensor MRI",
        venue="Journal of Magnetic Resonance, Series B",
        year=1996,
        volume="111",
        pages="209--219",
        doi="10.1006/jmrb.1996.0086",
    ),
    "bids": Work(
        kind="article",
        authors="Gorgolewski, K. J. and Auer, T. and Calhoun, V. D. and others",
        title="The brain imaging data structure, a format for organizing and describing outputs "
        "of neuroimaging experiments",
        venue="Scientific Data",
        year=2016,
        volume="3",
        pages="160044",
        doi="10.1038/sdata.2016.44",
    ),
    "bids_apps": Work(
        kind="article",
        authors="Gorgolewski, K. J. and Alfaro-Almagro, F. and Auer, T. and others",
        title="BIDS apps: improving ease of use, accessibility, and reproducibility of "
        "neuroimaging data analysis methods",
        venue="PLOS Computational Biology",
        year=2017,
        volume="13",
        pages="e1005209",
        doi="10.1371/journal.pcbi.1005209",
    ),
    "burles2025": Work(
        kind="article",
        authors="Burles, F. and Sallis, E. and Kopala-Sibley, D. C. and Iaria, G.",
        title="Mitigating head position bias in perivascular fluid imaging: LD-ALPS, a novel method"
        " for DTI-ALPS calculation",
        venue="NeuroSci",
        year=2025,
        volume="6",
        pages="101",
        doi="10.3390/neurosci6040101",
    ),
    "chen2020": Work(
        kind="article",
        authors="Chen, J. and Mikheev, A. V. and Yu, H. and others",
        title="Bilateral distance partition of periventricular and deep white matter "
        "hyperintensities: performance of the method in the aging brain",
        venue="Academic Radiology",
        year=2021,
        volume="28",
        pages="1699--1708",
        doi="10.1016/j.acra.2020.07.039",
    ),
    "chung2006": Work(
        kind="article",
        authors="Chung, S. and Lu, Y. and Henry, R. G.",
        title="Comparison of bootstrap approaches for estimation of uncertainties of DTI "
        "parameters",
        venue="NeuroImage",
        year=2006,
        volume="33",
        pages="531--541",
        doi="10.1016/j.neuroimage.2006.07.001",
    ),
    "colin27": Work(
        kind="article",
        authors="Holmes, C. J. and Hoge, R. and Collins, L. and Woods, R. and Toga, A. W. and "
        "Evans, A. C.",
        title="Enhancement of MR images using registration for signal averaging",
        venue="Journal of Computer Assisted Tomography",
        year=1998,
        volume="22",
        pages="324--333",
        doi="10.1097/00004728-199803000-00032",
    ),
    "debresser2018": Work(
        kind="article",
        authors="de Bresser, J. and Kuijf, H. J. and Zaanen, K. and others",
        title="White matter hyperintensity shape and location feature analysis on brain MRI; "
        "proof of principle study in patients with diabetes",
        venue="Scientific Reports",
        year=2018,
        volume="8",
        pages="1893",
        doi="10.1038/s41598-018-20084-y",
    ),
    "decarli2005": Work(
        kind="article",
        authors="DeCarli, C. and Fletcher, E. and Ramey, V. and others",
        title="Anatomical mapping of white matter hyperintensities (WMH): exploring the "
        "relationships between periventricular WMH, deep WMH, and total WMH burden",
        venue="Stroke",
        year=2005,
        volume="36",
        pages="50--55",
        doi="10.1161/01.STR.0000150668.58689.f2",
    ),
    "dipy": Work(
        kind="article",
        authors="Garyfallidis, E. and Brett, M. and Amirbekian, B. and others",
        title="Dipy, a library for the analysis of diffusion MRI data",
        venue="Frontiers in Neuroinformatics",
        year=2014,
        volume="8",
        pages="8",
        doi="10.3389/fninf.2014.00008",
    ),
    "fazekas1987": Work(
        kind="article",
        authors="Fazekas, F. and Chawluk, J. B. and Alavi, A. and others",
        title="MR signal abnormalities at 1.5 T in Alzheimer's dementia and normal aging",
        venue="American Journal of Roentgenology",
        year=1987,
        volume="149",
        pages="351--356",
        doi="10.2214/ajr.149.2.351",
    ),
    "frangi1998": Work(
        kind="article",
        authors="Frangi, A. F. and Niessen, W. J. and Vincken, K. L. and Viergever, M. A.",
        title="Multiscale vessel enhancement filtering",
        venue="Medical Image Computing and Computer-Assisted Intervention (MICCAI)",
        year=1998,
        pages="130--137",
        doi="10.1007/BFb0056195",
    ),
    "ghaznawi2019": Work(
        kind="article",
        authors="Ghaznawi, R. and Geerlings, M. I. and Jaarsma-Coes, M. and others",
        title="The association between lacunes and white matter hyperintensity features on MRI: "
        "the SMART-MR study",
        venue="Journal of Cerebral Blood Flow and Metabolism",
        year=2019,
        volume="39",
        pages="2486--2496",
        doi="10.1177/0271678X18800463",
    ),
    "inglese2021": Work(
        kind="article",
        authors="Inglese, F. and Kant, I. M. J. and Monahan, R. C. and others",
        title="Different phenotypes of neuropsychiatric systemic lupus erythematosus are related "
        "to a distinct pattern of structural changes on brain MRI",
        venue="European Radiology",
        year=2021,
        volume="31",
        pages="8208--8217",
        doi="10.1007/s00330-021-07970-2",
    ),
    "inglese2022": Work(
        kind="article",
        authors="Inglese, F. and Jaarsma-Coes, M. G. and Steup-Beekman, G. M. and others",
        title="Neuropsychiatric systemic lupus erythematosus is associated with a distinct type "
        "and shape of cerebral white matter hyperintensities",
        venue="Rheumatology",
        year=2022,
        volume="61",
        pages="2663--2671",
        doi="10.1093/rheumatology/keab823",
    ),
    "kellner2016": Work(
        kind="article",
        authors="Kellner, E. and Dhital, B. and Kiselev, V. G. and Reisert, M.",
        title="Gibbs-ringing artifact removal based on local subvoxel-shifts",
        venue="Magnetic Resonance in Medicine",
        year=2016,
        volume="76",
        pages="1574--1581",
        doi="10.1002/mrm.26054",
    ),
    "leemans2009": Work(
        kind="article",
        authors="Leemans, A. and Jones, D. K.",
        title="The B-matrix must be rotated when correcting for subject motion in DTI data",
        venue="Magnetic Resonance in Medicine",
        year=2009,
        volume="61",
        pages="1336--1349",
        doi="10.1002/mrm.21890",
    ),
    "ljubljana": Work(
        kind="article",
        authors="Lesjak, Ž. and Galimzianova, A. and Koren, A. and Lukin, M. and Pernuš, F. and "
        "Likar, B. and Špiclin, Ž.",
        title="A novel public MR image dataset of multiple sclerosis patients with lesion "
        "segmentations based on multi-rater consensus",
        venue="Neuroinformatics",
        year=2018,
        volume="16",
        pages="51--63",
        doi="10.1007/s12021-017-9348-7",
    ),
    "lst_ai": Work(
        kind="article",
        authors="Wiltgen, T. and McGinnis, J. and Schlaeger, S. and others",
        title="LST-AI: a deep learning ensemble for accurate MS lesion segmentation",
        venue="NeuroImage: Clinical",
        year=2024,
        volume="42",
        pages="103611",
        doi="10.1016/j.nicl.2024.103611",
    ),
    "lst_lga_2012": Work(
        kind="article",
        authors="Schmidt, P. and Gaser, C. and Arsic, M. and others",
        title="An automated tool for detection of FLAIR-hyperintense white-matter lesions in "
        "multiple sclerosis",
        venue="NeuroImage",
        year=2012,
        volume="59",
        pages="3774--3783",
        doi="10.1016/j.neuroimage.2011.11.032",
    ),
    "lst_lpa": Work(
        kind="phdthesis",
        authors="Schmidt, P.",
        title="Bayesian inference for structured additive regression models for large-scale "
        "problems with applications to medical imaging",
        venue="Ludwig-Maximilians-Universität München",
        year=2017,
    ),
    "malone2015": Work(
        kind="article",
        authors="Malone, I. B. and Leung, K. K. and Clegg, S. and others",
        title="Accurate automatic estimation of total intracranial volume: a nuisance variable "
        "with less nuisance",
        venue="NeuroImage",
        year=2015,
        volume="104",
        pages="366--372",
        doi="10.1016/j.neuroimage.2014.09.034",
    ),
    "mandell2017": Work(
        kind="article",
        authors="Mandell, D. M. and Mossa-Basha, M. and Qiao, Y. and others",
        title="Intracranial vessel wall MRI: principles and expert consensus recommendations "
        "of the American Society of Neuroradiology",
        venue="American Journal of Neuroradiology",
        year=2017,
        volume="38",
        pages="218--229",
        doi="10.3174/ajnr.A4893",
    ),
    "mni152_2009a": Work(
        kind="article",
        authors="Fonov, V. and Evans, A. C. and Botteron, K. and others",
        title="Unbiased average age-appropriate atlases for pediatric studies",
        venue="NeuroImage",
        year=2011,
        volume="54",
        pages="313--327",
        doi="10.1016/j.neuroimage.2010.07.033",
    ),
    "n4": Work(
        kind="article",
        authors="Tustison, N. J. and Avants, B. B. and Cook, P. A. and others",
        title="N4ITK: improved N3 bias correction",
        venue="IEEE Transactions on Medical Imaging",
        year=2010,
        volume="29",
        pages="1310--1320",
        doi="10.1109/TMI.2010.2046908",
    ),
    "nibabel": Work(
        kind="misc",
        authors="Brett, M. and Markiewicz, C. J. and Hanke, M. and others",
        title="nipy/nibabel",
        venue="Zenodo",
        year=2024,
        doi="10.5281/zenodo.591597",
    ),
    "nilearn": Work(
        kind="article",
        authors="Abraham, A. and Pedregosa, F. and Eickenberg, M. and others",
        title="Machine learning for neuroimaging with scikit-learn",
        venue="Frontiers in Neuroinformatics",
        year=2014,
        volume="8",
        pages="14",
        doi="10.3389/fninf.2014.00014",
    ),
    "numpy": Work(
        kind="article",
        authors="Harris, C. R. and Millman, K. J. and van der Walt, S. J. and others",
        title="Array programming with NumPy",
        venue="Nature",
        year=2020,
        volume="585",
        pages="357--362",
        doi="10.1038/s41586-020-2649-2",
    ),
    "power2012": Work(
        kind="article",
        authors="Power, J. D. and Barnes, K. A. and Snyder, A. Z. and Schlaggar, B. L. and "
        "Petersen, S. E.",
        title="Spurious but systematic correlations in functional connectivity MRI networks "
        "arise from subject motion",
        venue="NeuroImage",
        year=2012,
        volume="59",
        pages="2142--2154",
        doi="10.1016/j.neuroimage.2011.10.018",
    ),
    "pybids": Work(
        kind="article",
        authors="Yarkoni, T. and Markiewicz, C. J. and de la Vega, A. and others",
        title="PyBIDS: Python tools for BIDS datasets",
        venue="Journal of Open Source Software",
        year=2019,
        volume="4",
        pages="1294",
        doi="10.21105/joss.01294",
    ),
    "reuter2012": Work(
        kind="article",
        authors="Reuter, M. and Schmansky, N. J. and Rosas, H. D. and Fischl, B.",
        title="Within-subject template estimation for unbiased longitudinal image analysis",
        venue="NeuroImage",
        year=2012,
        volume="61",
        pages="1402--1418",
        doi="10.1016/j.neuroimage.2012.02.084",
    ),
    "ringstad2024": Work(
        kind="article",
        authors="Ringstad, G.",
        title="Glymphatic imaging: a critical look at the DTI-ALPS index",
        venue="Neuroradiology",
        year=2024,
        volume="66",
        pages="157--160",
        doi="10.1007/s00234-023-03270-2",
    ),
    "samuels2000": Work(
        kind="article",
        authors="Samuels, O. B. and Joseph, G. J. and Lynn, M. J. and others",
        title="A standardized method for measuring intracranial arterial stenosis",
        venue="American Journal of Neuroradiology",
        year=2000,
        volume="21",
        pages="643--646",
    ),
    "schilling2019": Work(
        kind="article",
        authors="Schilling, K. G. and Yeh, F.-C. and Nath, V. and others",
        title="A fiber coherence index for quality control of B-table orientation in diffusion "
        "MRI scans",
        venue="Magnetic Resonance Imaging",
        year=2019,
        volume="58",
        pages="82--89",
        doi="10.1016/j.mri.2019.01.018",
    ),
    "schmidt2019": Work(
        kind="article",
        authors="Schmidt, P. and Pongratz, V. and Küster, P. and others",
        title="Automated segmentation of changes in FLAIR-hyperintense white matter lesions in "
        "multiple sclerosis on serial magnetic resonance imaging",
        venue="NeuroImage: Clinical",
        year=2019,
        volume="23",
        pages="101849",
        doi="10.1016/j.nicl.2019.101849",
    ),
    "scikit_image": Work(
        kind="article",
        authors="van der Walt, S. and Schönberger, J. L. and Nunez-Iglesias, J. and others",
        title="scikit-image: image processing in Python",
        venue="PeerJ",
        year=2014,
        volume="2",
        pages="e453",
        doi="10.7717/peerj.453",
    ),
    "scipy": Work(
        kind="article",
        authors="Virtanen, P. and Gommers, R. and Oliphant, T. E. and others",
        title="SciPy 1.0: fundamental algorithms for scientific computing in Python",
        venue="Nature Methods",
        year=2020,
        volume="17",
        pages="261--272",
        doi="10.1038/s41592-019-0686-2",
    ),
    "shi2019": Work(
        kind="article",
        authors="Shi, F. and Yang, Q. and Guo, X. and others",
        title="Intracranial vessel wall segmentation using convolutional neural networks",
        venue="IEEE Transactions on Biomedical Engineering",
        year=2019,
        volume="66",
        pages="2840--2847",
        doi="10.1109/TBME.2019.2896972",
    ),
    "taoka2017": Work(
        kind="article",
        authors="Taoka, T. and Masutani, Y. and Kawai, H. and others",
        title="Evaluation of glymphatic system activity with the diffusion MR technique: diffusion "
        "tensor image analysis along the perivascular space (DTI-ALPS) in Alzheimer's disease"
        " cases",
        venue="Japanese Journal of Radiology",
        year=2017,
        volume="35",
        pages="172--178",
        doi="10.1007/s11604-017-0617-z",
    ),
    "tatekawa2023": Work(
        kind="article",
        authors="Tatekawa, H. and Matsushita, S. and Ueda, D. and others",
        title="Improved reproducibility of diffusion tensor image analysis along the perivascular "
        "space (DTI-ALPS) index: an analysis of reorientation technique of the OASIS-3 "
        "dataset",
        venue="Japanese Journal of Radiology",
        year=2023,
        volume="41",
        pages="393--400",
        doi="10.1007/s11604-022-01370-2",
    ),
    "veraart2016": Work(
        kind="article",
        authors="Veraart, J. and Novikov, D. S. and Christiaens, D. and Ades-aron, B. and "
        "Sijbers, J. and Fieremans, E.",
        title="Denoising of diffusion MRI using random matrix theory",
        venue="NeuroImage",
        year=2016,
        volume="142",
        pages="394--406",
        doi="10.1016/j.neuroimage.2016.08.016",
    ),
    "wang2008": Work(
        kind="article",
        authors="Wang, W. and Jüttler, B. and Zheng, D. and Liu, Y.",
        title="Computation of rotation minimizing frames",
        venue="ACM Transactions on Graphics",
        year=2008,
        volume="27",
        pages="2:1--2:18",
        doi="10.1145/1330511.1330513",
    ),
    "zhang2018": Work(
        kind="article",
        authors="Zhang, N. and Zhang, F. and Deng, Z. and others",
        title="3D whole-brain vessel wall cardiovascular magnetic resonance imaging: a study "
        "on the reliability in the quantification of intracranial vessel dimensions",
        venue="Journal of Cardiovascular Magnetic Resonance",
        year=2018,
        volume="20",
        pages="39",
        doi="10.1186/s12968-018-0453-z",
    ),
}
