"""Words that names are told by: surnames, syllables, common first names, and what only looks like a name."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SURNAMES = (
    "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민진지엄채원천방공현함"
    "변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용"
)
FREQUENT_SURNAMES = "김이박최정강조윤장임한오서신권황안송류홍양손배백허유심노곽"
RARE_SURNAMES = "나라동봉사예경"  # those of frequent words: only where a name is announced
LONG_SURNAMES = ("남궁", "제갈", "황보", "선우", "독고", "사공", "서문", "동방")
# syllables that given names are made of
GIVEN_SYLLABLES = frozenset(
    "겨울립넬듀엘렌릭먼밀공르비롱넬릴몬누니디티파피코키덕말순가강건결겸경고광교국권규근금기길나남노다단달담대도동두라란람래려련령례로록루리린림마만명모목무문미민"
    "배백범병보복봉빈빛사산상새서석선설섭성세소솔송수숙순슬승시신아안애양언여연열영예오옥온완외요용우욱운"
    "웅원월유윤율은을음의이인일임자재전정제조종주준중지진찬창채천철청초춘충치태택판평표필하학한해향헌혁현"
    "형혜호홍화환회효후훈휘희흥든름봄샘별꽃늘힘참롬론벼야식갑말점돌쇠심실엽찰삼"
)
# and those of the most frequent ones: two in a row after a surname are a name even if nothing announces it
FREQUENT_SYLLABLES = frozenset(
    "민서현준지수진영우은혜하윤재성도원경미희연아유빈훈석호철숙순옥자상태승주정예나린찬규건동종창환욱혁근"
    "덕복용광병봉림솔슬별율온겸담설선란다시소라래리람름든봄결새보가오로운이의명필균열권길남삼왕두만판홍청"
    "춘화향매월국군학문무식웅중갑심실점"
)
# what stands where names stand, or looks like a surname and more
NOUNS = words(
    """
    학생 직원 회사 사람 남자 여자 엄마 아빠 주부 의사 교사 강사 기자 작가 가수 배우 화가 군인 경찰 선생 학부모
    부모 아이 어른 노인 청년 친구 동료 가족 한국인 외국인 미국인 일본인 중국인 신입 신입생 신입사원 대학생
    고등학생 중학생 초등학생 대학원생 유학생 졸업생 재학생 취준생 휴학생 인턴 사원 대리 과장 차장 부장 팀장 대표
    이사 사장 회장 매니저 개발자 디자이너 기획자 마케터 연구원 공무원 변호사 회계사 세무사 간호사 약사 조교 교수
    박사 석사 학사 원장 실장 국장 소장 점장 정규직 계약직 비정규직 임시직 자영업자 프리랜서 담당자 관리자 사용자
    이용자 책임자 신청자 고객 회원 손님 환자 보호자 당사자 본인 자신 우리 저희 여러분 오늘 내일 어제 지금 이번
    다음 지난 매일 매주 매월 정말 진짜 조금 아주 매우 너무 이미 아직 항상 전혀 여기 거기 저기 어디 누구 무엇
    언제 어떻게 이유 이해 이용 이전 이후 이상 이하 이동 이름 성함 성명 주소 전화 번호 정보 정도 정리 정책 정산
    조건 조사 조회 장소 장비 장애 임금 임원 한도 한국 오전 오후 서울 서류 서비스 신청 신고 권한 권리 황당 안내
    안전 송금 유급 유료 전부 전체 전원 전문 전문가 고장 고민 고용 문의 문서 문제 양식 손해 배송 배우자 허가 남편
    심사 노트북 노동 하루 하나 성과 성별 차량 차이 주말 주차 주중 주민 우편 구매 구내식당 구성원 민원 진행
    진단서 지원 지급 지하 지각 지방 채용 원래 원인 천천히 방문 방법 공지 공휴일 현재 현장 현금 함께 변경 변호
    여권 여행 여부 추가 추천 도움 도서 도서관 소개 소식 석식 선택 설명 설정 마감 마지막 마음 길이 연차 연봉 연락
    연락처 위치 위원 표시 기간 기준 기한 반차 반납 금액 금요일 인사 인사팀 인원 제도 제출 모두 모바일 국내 국가
    어린이 은행 편의 용도 나이 나중 동안 동의 사용 사유 사실 예약 예산 경력 경비 경우 경조사 결혼 육아 출산 휴가
    병가 급여 월급 수습 재택 근무 회의 회의실 자료 질문 답변 대답 감사 죄송 안녕 반가 처음 최근 최대 최소 최종
    최고 정수기 주민등록 지하수 고지서 신분증 정원사 이야기 이메일 이력서 이틀 사흘 나흘 열흘 하반기 상반기 정기
    정시 조기 조퇴 장기 한자 한글 한번 오류 서명 신규 신중 안건 유지 유형 전달 전자 고려 고정 문구 양쪽 손상
    배치 백업 허용 남은 심지어 노력 하지만 성공 차례 주의 주소지 우선 우대 구분 구체 민감 진료 지역 지점 지금은
    원장님 천만 방침 공간 공유 공용 공제 현황 아버지 어머니 할머니 할아버지 동생 언니 누나 오빠 남동생 여동생
    아내 와이프 아들 딸내미 조카 이모 고모 삼촌 사촌 손자 손녀 장인 장모 도보 도시 사무실 도우미 라운지 명단
    명의 명세 정원 구연 주석 권수 이월 임의 강아 지나 오리 이란 이런 이렇 마무 마련 고마 지정 지출 지시 지속
    지도 안되 하이 하려 하는 하지 이쪽 주문 주신 주시 공정 공식 전송 전환 기원 기관 기술 기능 기본 기록 전산팀
    총무팀 재무팀 영업팀 개발팀 기획팀 홍보팀 구매팀 마케팅팀 인턴사원 경영지원 운영팀 법무팀 안전팀 우리팀
    고객센터 상담원 상담사 기사 사회자 진행자 강연자 이미지 안전모 마케팅 여기저기 각자 모든 다른 추정 문단 혹시
    대화 하시 기억 저장 조용 임시 유선 무선 문자 심각 진심 한참 이따 그냥 제주 부산 대구 인천 광주 대전 울산
    세종 경기 강원 수원 성남 여수 전주 원주 진주 경주 안양 용인 고양 천안 청주 충주 구미 포항 창원 김해 양산
    목포 순천 공주 강남 강북 홍대
    """
)
# 선생님, 고객님: no names
BEFORE_NIM = words(
    """
    선생 고객 회원 부모 사장 손님 여러분 팀장 부장 과장 차장 대표 담당자 교수 사용자 관리자 하나 해 달 형 누
    어머 어머니 아버 아버지 주인 임금 스승 의사 간호사 기사 작가 이용자 원장 실장 국장 본부장 회장 이사 위원
    검사 판사 변호사 신부 목사 스 따 며느 아드 도련 서방 장모 장인 형수 박사 강사 매니저 점장 소장 대리 주임
    책임자 상무 전무 부사장 학부모 학생 사모 이모 기자 감독 코치 위원장 의원 조교 사서 약사 상담사 상담원 직원
    신청자 여러 모든 각 그 부처 예수 하느
    """
)
# 날씨, 아저씨: no names
BEFORE_SSI = words(
    """
    날 글 솜 말 맘 마음 불 아저 아가 맵 눈 홀 오늘날 볍 풀 꽃 시
    """
)
TITLES = words(
    """
    대리 과장 차장 부장 팀장 사원 주임 대표이사 대표 이사 상무 전무 사장 회장 실장 본부장 매니저 선생 교수 박사
    원장 기자 작가 변호사 의사 간호사 약사 조교 강사 선배 후배 연구원 책임 선임 수석 파트장 그룹장 센터장 지점장
    점장 감독 코치 학생 어린이 군 양 씨 님 형 누나 언니 오빠 이모 삼촌 고객 환자 회원 여사
    """
)
FIRST = words(
    """
    James Mary Michael Patricia Robert Jennifer John Linda David Elizabeth William Barbara Richard Susan Joseph
    Jessica Thomas Karen Christopher Sarah Charles Lisa Daniel Nancy Matthew Sandra Anthony Betty Mark Ashley
    Donald Emily Steven Kimberly Andrew Margaret Paul Donna Joshua Michelle Kenneth Carol Kevin Amanda Brian
    Melissa Timothy Deborah Ronald Stephanie George Rebecca Jason Sharon Edward Laura Jeffrey Cynthia Ryan
    Dorothy Jacob Amy Nicholas Kathleen Gary Angela Eric Shirley Jonathan Emma Stephen Brenda Larry Pamela
    Justin Nicole Scott Anna Brandon Samantha Benjamin Katherine Samuel Christine Gregory Debra Alexander Rachel
    Patrick Carolyn Frank Janet Raymond Maria Jack Olivia Dennis Heather Jerry Helen Tyler Catherine Aaron Diane
    Jose Julie Adam Victoria Nathan Joyce Henry Lauren Zachary Kelly Douglas Christina Peter Ruth Kyle Joan Noah
    Virginia Ethan Judith Jeremy Evelyn Walter Hannah Christian Andrea Keith Megan Austin Cheryl Roger
    Jacqueline Terry Madison Sean Teresa Gerald Abigail Carl Sophia Dylan Martha Harold Sara Jordan Gloria Jesse
    Janice Bryan Kathryn Lawrence Ann Arthur Isabella Gabriel Judy Bruce Charlotte Logan Julia Billy Grace Joe
    Amber Alan Alice Juan Jean Elijah Denise Willie Frances Albert Danielle Wayne Marilyn Randy Natalie Mason
    Beverly Vincent Diana Liam Brittany Roy Theresa Bobby Kayla Caleb Alexis Bradley Doris Russell Lori Lucas
    Tiffany Oliver Olga Ivan Mei Wei Yuki Hiroshi Priya Raj Ahmed Fatima Omar Leila Carlos Sofia Diego Lucia
    Pierre Chloe Hans Greta Luca Giulia Sven Ingrid Nina Mia Leo Max Tom Tim Dan Ben Sam Alex Chris Kate Mike
    Jim Bob Steve Dave Tony Nick Matt Greg Jeff Rick Ted Minsu Jisoo Minjun Seojun Yuna Mina Jiwoo Hyunwoo
    Jihoon Sujin Eunji Minji Jiyeon Sooyoung Hyejin Seoyeon Doyun Hana Jina Taehyung Yoona Junho Donghyun Aidan
    Aiden Alana Alejandro Alexandra Alison Alicia Allen Allison Alvin Alyssa Amelia Ana Andre Andres Angel
    Angelica Anita Annie Antonio April Ariana Arianna Ashlee Ashton Audrey Autumn Ava Bailey Barry Beatrice
    Becky Bernard Beth Bethany Blake Bonnie Brad Bradford Brady Brenna Brent Brett Briana Brianna Bridget Brooke
    Bryce Caitlin Calvin Cameron Candice Cara Carla Carly Carmen Caroline Carrie Casey Cassandra Cassidy Cathy
    Cesar Chad Charlene Charlie Chase Chelsea Cheyenne Claire Clara Clarence Claudia Clayton Clifford Cody Colin
    Colleen Connie Connor Corey Cory Courtney Craig Cristian Cristina Crystal Curtis Daisy Dakota Dale Dalton
    Damian Dana Danny Darlene Darrell Darren Daryl Dawn Dean Deanna Debbie Derek Derrick Desiree Devin Devon
    Diamond Dominic Dominique Don Drew Duane Dustin Earl Ebony Eddie Eduardo Edwin Eileen Elaine Elena Ellen
    Ellie Elliott Elsa Eleanor Erica Erik Erika Erin Ernest Eugene Evan Eva Faith Felicia Felix Fernando
    Florence Francis Francisco Fred Frederick Freya Gabriela Gabriella Gabrielle Gail Garrett Gavin Gene
    Geoffrey Georgia Gina Glen Glenn Gordon Gwendolyn Hailey Haley Harry Harriet Harvey Hayley Hector Heidi
    Herbert Herman Holly Howard Hugh Hunter Ian Irene Isaac Isabel Isabelle Isaiah Jackie Jackson Jade Jaime
    Jake Jamie Jared Jasmin Jasmine Javier Jay Jeanette Jeanne Jeffery Jenna Jennie Jenny Jeremiah Jermaine Jill
    Jillian Jo Joann Joanna Joanne Jodi Jodie Joel Johnathan Johnny Jon Jonathon Jorge Josephine Julian Juliana
    Julio June Kaitlin Kaitlyn Kara Karina Karl Karla Katelyn Katie Katrina Kay Kaylee Keegan Kelli Kellie
    Kelsey Kendra Kenny Kerri Kerry Kiara Kim Kirk Kirsten Krista Kristen Kristin Kristina Kristine Kristopher
    Kristy Krystal Kurt Lance Latasha Latoya Laurie Leah Lee Leon Leonard Leroy Leslie Lewis Lindsay Lindsey
    Lloyd Lorraine Louis Louise Lucy Luis Luke Lydia Lynn Mackenzie Makayla Malik Mandy Manuel Marc Marcia Marco
    Marcus Mariah Mario Marissa Marie Marsha Martin Marvin Mathew Maurice Maureen Maxwell Mckenzie Melanie
    Melinda Mercedes Meredith Micheal Miguel Mindy Miranda Misty Mitchell Mohammed Molly Monica Monique Morgan
    Nathaniel Naomi Neil Nichole Nicolas Norma Norman Oscar Owen Paige Patty Paula Pauline Pedro Peggy Penny
    Perry Phillip Philip Phoebe Phyllis Preston Priscilla Rachael Ralph Ramon Raven Rebekah Regina Renee Rhonda
    Ricardo Ricky Riley Rita Robin Roberto Rodney Roman Ronnie Rosa Rose Rosie Ross Ruben Ruby Sabrina Sally
    Savannah Selena Sergio Seth Shane Shannon Shaun Shawn Sheila Shelby Shelia Shelley Sheri Sherri Sherry
    Sierra Sonia Sonya Spencer Stacey Stacie Stacy Stanley Stefanie Stella Stuart Suzanne Sydney Sylvia Tabitha
    Tamara Tammie Tammy Tanner Tanya Tara Tasha Taylor Terri Terrance Theodore Tina Todd Tonya Tracey Traci
    Tracy Travis Trevor Trisha Troy Valerie Vanessa Veronica Vicki Vickie Victor Wanda Wendy Wesley Whitney
    Xavier Yesenia Yolanda Yvette Yvonne Zoe
    """
)
LAST = words(
    """
    Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson
    Anderson Thomas Taylor Moore Jackson Martin Perez Thompson White Harris Sanchez Clark Ramirez Lewis Robinson
    Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell
    Mitchell Carter Roberts Gomez Phillips Evans Turner Diaz Parker Cruz Edwards Collins Reyes Stewart Morris
    Morales Murphy Cook Rogers Gutierrez Ortiz Morgan Cooper Peterson Bailey Reed Kelly Howard Ramos Cox Ward
    Richardson Watson Brooks Chavez Wood James Bennett Gray Mendoza Ruiz Hughes Price Alvarez Castillo Sanders
    Patel Myers Long Ross Foster Jimenez Powell Jenkins Perry Russell Sullivan Bell Coleman Butler Henderson
    Barnes Gonzales Fisher Vasquez Simmons Romero Jordan Patterson Alexander Hamilton Graham Reynolds Griffin
    Wallace Moreno West Cole Hayes Bryant Herrera Gibson Ellis Tran Medina Aguilar Stevens Murray Ford Castro
    Marshall Owens Harrison Fernandez Mcdonald Woods Washington Kennedy Wells Vargas Henry Chen Freeman Webb
    Tucker Guzman Burns Crawford Olson Simpson Porter Gordon Mendez Silva Shaw Snyder Mason Dixon Munoz Hunt
    Hicks Holmes Palmer Wagner Black Robertson Boyd Rose Stone Salazar Fox Warren Mills Meyer Rice Schmidt Garza
    Daniels Ferguson Nichols Stephens Soto Weaver Ryan Gardner Payne Grant Dunn Kelley Spencer Hawkins Arnold
    Pierce Hansen Peters Santos Hart Bradley Knight Elliott Cunningham Duncan Armstrong Hudson Carroll Lane
    Riley Andrews Alvarado Ray Delgado Berry Perkins Hoffman Johnston Matthews Pena Richards Contreras Willis
    Carpenter Lawrence Sandoval Guerrero George Chapman Rios Estrada Ortega Watkins Greene Nunez Wheeler Valdez
    Harper Burke Larson Santiago Maldonado Morrison Franklin Carlson Austin Dominguez Carr Lawson Jacobs Obrien
    Lynch Singh Vega Bishop Montgomery Oliver Jensen Harvey Williamson Gilbert Dean Sims Espinoza Howell Li Wong
    Reid Hanson Mccoy Garrett Burton Fuller Wang Weber Welch Rojas Lucas Marquez Fields Yang Little Banks
    Padilla Day Walsh Bowman Schultz Luna Fowler Mejia Gill Khan Ali Ahmed Hussain Begum Shah Sharma Kumar Gupta
    Das Tanaka Suzuki Sato Yamamoto Watanabe Ito Nakamura Kobayashi Zhang Liu Huang Zhao Wu Zhou Xu Sun Ma Zhu
    Lin Guo Muller Schneider Fischer Becker Schulz Rossi Russo Ferrari Bianchi Dubois Durand Leroy Moreau Ivanov
    Petrov Smirnov Novak Kowalski Nowak Andersson Johansson Nilsson
    """
)
LAST_KOREAN = words(
    """
    Kim Lee Park Choi Choe Jung Jeong Chung Kang Cho Jo Yoon Yun Jang Chang Lim Im Han Oh Seo Suh Shin Sin Kwon
    Hwang Ahn Song Ryu Yoo Yu Jeon Hong Ko Moon Yang Son Bae Baek Heo Nam Noh Ha Kwak Cha Joo Woo Koo Min Jin Um
    Bang
    """
)
# words with a capital letter that are no names
NOT_NAMES = words(
    """
    I The A An This That These Those There Here It We You They He She My Your Our Please Thanks Thank Yes No Not
    Hello Hi Hey Dear Good Sure Okay OK Well So And But Or If When What Where Who How Why Which Can Could Would
    Should Will May Do Does Did Is Are Was Were Have Has Had Let Just Also Now Then Today Tomorrow Yesterday
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June July August
    September October November December Korean English American Japanese Chinese German French Spanish Italian
    British Canadian Indian Russian Vietnamese Thai European Asian African Australian Korea Japan China America
    Europe Seoul Busan Incheon Tokyo London Paris Berlin New York Everyone All Team Sir Madam Support Customer
    Service Human Resources HR IT VPN CEO CTO CFO PDF API URL AWS Python Java Excel Word Office Windows Google
    Amazon Microsoft Apple Naver Kakao Samsung Aurora Works Building Room Floor Sorry Interested Looking Trying
    Going Having Wondering Very Really Still Currently Working Happy Sad Tired Afraid Done Ready Again From In
    On At By With Employee Manager Director Engineer Developer Designer Student Teacher Doctor Nurse Department
    Company Policy Handbook Chapter Section Part Question Answer Wi Fi Annual Leave Sick Time Off Meeting
    Project Product Sales Finance Legal Security Operations Logistics Reception Library Museum Gym Cafe Canteen
    Kitchen Garage Parking Lot Street Road Avenue River Lake Mountain Harbor Bridge Station Airport Hotel
    Hospital Clinic School University College Institute Center Centre Bank Group Inc Ltd LLC Corp Corporation
    Limited Foundation Association Council Committee Board North South East West Central National International
    Global United States Kingdom Republic Union World Day Week Month Year Spring Summer Autumn Winter Christmas
    Easter Ramadan Lunar Expense Report Travel Benefits Health Insurance Pension Bonus Salary Payroll Allowance
    Training Onboarding Contract Agreement Form Request Ticket Help Desk Admin System Server Network Database
    Cloud Machine Learning Data Science Intelligence Artificial Language Model Models Visual Studio Code Git Hub
    Docker Linux Mac Chrome Firefox Slack Zoom Teams Outlook Gmail Drive Jira Confluence Notion Figma Chief
    Executive Officer President Vice Senior Junior Lead Head Assistant Associate Professor Captain Sergeant
    Minister Mayor Queen King Prince Princess Red Blue Green White Black Gold Silver First Second Third Fourth
    Last Next Previous Monthly Weekly Daily Quarterly Yearly Full Half
    """
)
